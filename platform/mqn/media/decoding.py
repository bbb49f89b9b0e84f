"""Video in: frames as upright sRGB pictures with their own time stamps, and what is wrong with the file by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

from mqn.errors import VideoError
from mqn.media.extent import Extent, stated_extent
from mqn.media.interpretation import Interpretation, Tags, interpret
from mqn.media.ycbcr import to_rgb

_ASSUMED_RATE = Fraction(25)
_GREYS = ("gray", "gray10le", "gray12le", "gray16le")


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One frame; its picture is made only when asked for.

    Attributes:
        index: counted from 0.
        pts: its time stamp in the stream's time base.
    """

    index: int
    pts: int
    _frame: Any
    _interpretation: Interpretation

    def ldr(self) -> np.ndarray:
        """The picture: (H, W, 3) float32 in [0, 1], sRGB code values, upright."""
        frame = self._frame
        if self._interpretation.matrix is None:
            frame = frame if frame.format.name in ("rgb24", "rgb48le") else frame.reformat(format=_rgb_format(frame))
            rgb = frame.to_ndarray()
            rgb = rgb.astype(np.float32) / np.float32(np.iinfo(rgb.dtype).max)
        else:
            bits = frame.format.components[0].bits
            full = self._interpretation.full
            planes = _planes(frame)
            # PyAV does not tell where chroma lies; full range is JPEG's, and so is its siting.
            siting = "centre" if full else "left"
            rgb = to_rgb(planes, matrix=self._interpretation.matrix, bits=bits, full=full, siting=siting)
        # PyAV counts the turn that makes it upright counterclockwise, as numpy does.
        return np.ascontiguousarray(np.rot90(self._interpretation.to_srgb(rgb), frame_turns(self._frame)))


@dataclass(slots=True)
class Video:
    """A video file that was looked at.

    Attributes:
        path: the file.
        width: of the upright picture, in pixels.
        height: likewise.
        time_base: seconds of one unit of the time stamps.
        rate: frames a second, on average.
        aspect: of a pixel, width by height; None where the stream does not say.
        has_audio: whether there is a stream of sound.
        extent: how much the container promises.
        interpretation: how the colours are read.
        notes: what a user should know though it is no failure.
        failures: what was wrong; filled while `frames` runs.
    """

    path: Path
    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    aspect: Fraction | None
    has_audio: bool
    extent: Extent
    interpretation: Interpretation
    _coded_size: tuple[int, int]
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def frames(self) -> Iterator[DecodedFrame]:
        """Every frame, in the order shown. What is damaged or missing is named in `failures` at the end."""
        with _open(self.path) as container:
            yield from self._frames(container)

    def _frames(self, container: Any) -> Iterator[DecodedFrame]:
        size, index, damaged, corrupt = self._coded_size, 0, 0, 0
        step = max(1, round(1 / self.rate / self.time_base))
        last: int | None = None
        end = 0
        for frame in _decode(container, _video_streams(self.path, container)[0]):
            if frame is None:
                damaged += 1
                continue
            if (frame.width, frame.height) != size:
                self.failures.append(
                    f"{self.path}: changes from {size[0]} x {size[1]} to {frame.width} x {frame.height} at frame "
                    f"{index}; what is before was converted, cut the rest off and convert it by itself"
                )
                return
            pts = frame.pts if frame.pts is not None else (0 if last is None else last + step)
            # Two frames of one time cannot both be shown; a container would refuse them.
            pts = pts if last is None or pts > last else last + 1
            yield DecodedFrame(index, pts, frame, self.interpretation)
            index, last, end = index + 1, pts, pts + max(step, frame.duration or 0)
            corrupt += frame.is_corrupt
        if damaged:
            self.failures.append(f"{self.path}: {damaged} damaged packet{'s' if damaged > 1 else ''} left out")
        if corrupt:
            self.failures.append(
                f"{self.path}: {corrupt} damaged frame{'s' if corrupt > 1 else ''}, kept as the decoder mended them"
            )
        seconds, step_seconds = float(end * self.time_base), float(step * self.time_base)
        if missing := self.extent.missing(index, seconds, step_seconds):
            self.failures.append(f"{self.path}: {missing}")
        if index == 0:
            raise VideoError(f"{self.path}: holds no frame that can be decoded")


def open_video(path: Path, *, transfer: str = "auto") -> Video:
    """Open a video file and look at its first frame.

    Args:
        path: any container and codec that FFmpeg reads; the first video stream is taken, cover pictures are not.
        transfer: one of `interpretation.TRANSFERS`.

    Raises:
        VideoError: the file is missing, damaged, no video, HDR already, or has no frame; names file and reason.
    """
    if not path.is_file() or path.stat().st_size == 0:
        reason = "is empty (0 bytes)" if path.is_file() else "no such file"
        raise VideoError(f"{path}: {reason}")
    with _open(path) as container:
        return _look(path, container, transfer)


def reason_of(error: BaseException) -> str:
    """FFmpeg's own words in one line, without the path."""
    told: str = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(told.split())


def frame_turns(frame: Any) -> int:
    """Quarter turns counterclockwise that make a frame upright.

    Raises:
        VideoError: it is to be turned by something else than quarters.
    """
    turns, rest = divmod(frame.rotation, 90)
    if rest:
        raise VideoError(f"the video is to be shown turned by {frame.rotation} degrees; only quarter turns are kept")
    return int(turns) % 4


def _open(path: Path) -> Any:
    try:
        return av.open(str(path), metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: no video that can be read ({reason_of(error)})") from error


def _video_streams(path: Path, container: Any) -> list[Any]:
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "none"
        raise VideoError(f"{path}: has no video stream (streams: {kinds})")
    streams[0].thread_type = "AUTO"
    return streams


def _look(path: Path, container: Any, transfer: str) -> Video:
    streams = _video_streams(path, container)
    stream = streams[0]
    frame = next((frame for frame in _decode(container, stream) if frame is not None), None)
    if frame is None:
        raise VideoError(f"{path}: holds no frame that can be decoded")
    tags = Tags(
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        matrix=int(frame.colorspace),
        range=int(frame.color_range),
    )
    kind = frame.format.name
    interpretation = interpret(
        tags,
        name=str(path),
        rgb=_is_rgb(frame.format),
        full=kind.startswith("yuvj"),
        lines=min(frame.width, frame.height),
        transfer=transfer,
    )
    rate = stream.average_rate or stream.guessed_rate
    turned = frame_turns(frame) % 2 == 1
    width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
    aspect = stream.sample_aspect_ratio
    notes = [f"colours: {interpretation}"]
    if any(component.is_alpha for component in frame.format.components):
        notes.append("the video has alpha, which is dropped")
    if frame.interlaced_frame:
        notes.append("the video is interlaced; its frames are taken as they are")
    if rate is None:
        notes.append(f"the video states no frame rate; {_ASSUMED_RATE} a second assumed where time stamps are missing")
    if len(streams) > 1:
        notes.append(f"the video has {len(streams)} video streams; the first is taken")
    return Video(
        path=path,
        width=width,
        height=height,
        time_base=stream.time_base,
        rate=rate or _ASSUMED_RATE,
        aspect=None if not aspect else 1 / aspect if turned else aspect,
        has_audio=bool(container.streams.audio),
        extent=stated_extent(container, stream, rate or _ASSUMED_RATE),
        interpretation=interpretation,
        _coded_size=(frame.width, frame.height),
        notes=notes,
    )


def _decode(container: Any, stream: Any) -> Iterator[Any]:
    """Frames as they come; None stands for a packet that cannot be decoded."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.error.FFmpegError, OSError):
            # The container's structure ends here: get out what the decoder still holds.
            packet = None
        try:
            yield from stream.codec_context.decode(packet) if packet is None else packet.decode()
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, OSError):
            yield None
        if packet is None or packet.size == 0:
            return


def _is_rgb(kind: Any) -> bool:
    """Whether frames come as RGB, or are turned into it without a matrix: palettes, one bit, grey with alpha."""
    odd_grey = len(kind.components) < 3 and kind.name not in _GREYS
    return bool(kind.is_rgb or kind.has_palette or odd_grey)


def _rgb_format(frame: Any) -> str:
    return "rgb48le" if max(component.bits for component in frame.format.components) > 8 else "rgb24"


def _planes(frame: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y', Cb and Cr as stored, of any layout; grey gets neutral chroma."""
    kind = frame.format
    bits = kind.components[0].bits
    if len(kind.components) < 3:
        luma = _plane(frame.planes[0], frame.width, frame.height, bits)
        neutral = np.full((1, 1), 1 << (bits - 1), luma.dtype)
        return luma, neutral, neutral
    horizontal = round(frame.width / max(1, kind.chroma_width(frame.width)))
    vertical = round(frame.height / max(1, kind.chroma_height(frame.height)))
    layout = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (4, 1): "411", (4, 4): "410", (1, 2): "440"}
    plain = f"yuv{layout[horizontal, vertical]}p" + (f"{bits}le" if bits > 8 else "")
    if kind.name not in (plain, plain.replace("yuv", "yuvj"), plain.replace("yuv", "yuva")):
        # Another order of the same samples: nothing is computed.
        frame = frame.reformat(format=plain)
    sizes = [(frame.width, frame.height), *[(kind.chroma_width(frame.width), kind.chroma_height(frame.height))] * 2]
    y, cb, cr = (_plane(plane, *size, bits) for plane, size in zip(frame.planes[:3], sizes, strict=True))
    return y, cb, cr


def _plane(plane: Any, width: int, height: int, bits: int) -> np.ndarray:
    dtype = np.dtype(np.uint8 if bits <= 8 else "<u2")
    rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // dtype.itemsize)
    return rows[:height, :width]
