"""HEVC by x265: runs of frames to packets, every run a closed group that begins with a key frame."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from mqn.errors import VideoError
from mqn.media.decoding import reason_of
from mqn.media.writing.hdr10 import ContentLight, boxes, insert_boxes

PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
)  # fmt: skip
"""x265's, the quickest first."""

# One block of x265. On pictures of 48 pixels and less in width it writes beyond its buffers (glibc's checks, x265 of
# PyAV 18.1), which ends the process now or later.
_LEAST_SIDE = 64
_FORMAT = "yuv420p10le"
# ITU-T H.273: BT.2020 primaries, PQ, BT.2020 non-constant luminance, limited range.
_PRIMARIES, _TRANSFER, _MATRIX, _RANGE = 9, 16, 9, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How a video is encoded; the same for all of its runs, so that one set of parameters serves the joined file.

    Attributes:
        width, height: of the coded picture, even.
        time_base: seconds of one unit of the time stamps.
        rate: frames a second, on average.
        aspect: of a pixel, None for not stated.
        crf: x265's constant rate factor: 0 is the best, 51 the worst.
        preset: one of `PRESETS`.
    """

    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    aspect: Fraction | None
    crf: float
    preset: str

    def options(self) -> dict[str, str]:
        """FFmpeg's options for its x265 encoder."""
        # chromaloc 2: chroma on the top left luma sample, as BT.2100 has it.
        parameters = "log-level=none:info=0:open-gop=0:repeat-headers=0:chromaloc=2"
        return {"crf": f"{self.crf:g}", "preset": self.preset, "x265-params": parameters}

    def apply(self, context: Any) -> None:
        """Set an encoder's fields."""
        context.width, context.height, context.pix_fmt = self.width, self.height, _FORMAT
        context.time_base, context.framerate = self.time_base, self.rate
        context.color_primaries, context.color_trc = _PRIMARIES, _TRANSFER
        context.colorspace, context.color_range = _MATRIX, _RANGE
        if self.aspect is not None:
            context.sample_aspect_ratio = self.aspect


@dataclass(frozen=True, slots=True)
class Encoded:
    """One packet.

    Attributes:
        data: an access unit, annex B, without parameter sets.
        pts: its time stamp.
        is_key: whether decoding can begin here.
    """

    data: bytes
    pts: int
    is_key: bool


class RunEncoder:
    """Encodes one run of frames."""

    def __init__(self, coding: Coding) -> None:
        """Start an encoder; raises `VideoError` if x265 does not take the size."""
        if min(coding.width, coding.height) < _LEAST_SIDE:
            raise VideoError(
                f"{coding.width} x {coding.height} is too small for HEVC; {_LEAST_SIDE} pixels a side are needed, "
                "or write an EXR sequence"
            )
        self._coding = coding
        self._context: Any = av.CodecContext.create("libx265", "w")
        coding.apply(self._context)
        self._context.options = coding.options()
        self._context.flags |= av.codec.context.Flags.global_header
        try:
            self._context.open()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise VideoError(
                f"cannot encode {coding.width} x {coding.height} as HEVC ({reason_of(error)}); "
                "try another size, or write an EXR sequence"
            ) from error

    def encode(self, planes: Sequence[np.ndarray], pts: int) -> list[Encoded]:
        """Encode one frame: Y', Cb, Cr of 4:2:0, uint16. Returns the packets that are ready, in decoding order."""
        samples = np.concatenate([plane.ravel() for plane in planes]).reshape(-1, self._coding.width)
        frame = av.VideoFrame.from_ndarray(samples, format=_FORMAT)
        frame.pts, frame.time_base = pts, self._coding.time_base
        return [_encoded(packet) for packet in self._context.encode(frame)]

    def finish(self) -> list[Encoded]:
        """End the run and return what is left."""
        return [_encoded(packet) for packet in self._context.encode(None)]


def template(coding: Coding, peak_nits: float, content: ContentLight) -> Any:
    """A stream that carries the parameters and the metadata, to make the joined file's stream from.

    PyAV cannot set a stream's mastering metadata; it copies what it finds in a file. So a file of one black frame is
    made in memory, with the metadata put into it. Close the container, whose only stream it is, after use.
    """
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx265", rate=coding.rate, options=coding.options())
        coding.apply(stream.codec_context)
        stream.codec_context.codec_tag = "hvc1"
        black = av.VideoFrame.from_ndarray(np.full((coding.height * 3 // 2, coding.width), 64, np.uint16), _FORMAT)
        black.pts, black.time_base = 0, coding.time_base
        for packet in (*stream.encode(black), *stream.encode(None)):
            # Where nothing is reordered x265 leaves the decoding time of a lone frame undefined.
            packet.dts = packet.pts
            container.mux_one(packet)
    return av.open(io.BytesIO(insert_boxes(file.getvalue(), boxes(peak_nits, content))))


def _encoded(packet: Any) -> Encoded:
    return Encoded(bytes(packet), packet.pts, packet.is_keyframe)
