"""The colours of a video's frames: by its tags, or by stated assumptions where it has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mqn.errors import VideoError
from mqn.hdr.primaries import change_primaries
from mqn.hdr.transfer import srgb_decode, srgb_encode

TRANSFERS = ("auto", "bt1886", "srgb")

# ITU-T H.273, tables 2 to 4; 2 is "unspecified".
UNSPECIFIED = 2
_PRIMARIES = {1: "bt709", 5: "bt601_625", 6: "bt601_525", 7: "bt601_525", 9: "bt2020", 12: "p3"}
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
_TRANSFERS = {1: "bt1886", 4: "gamma22", 6: "bt1886", 7: "bt1886", 13: "srgb", 14: "bt1886", 15: "bt1886"}
_FULL = 2

_HD_LINES = 720


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """A frame's colour description as the stream states it, H.273 numbers.

    Attributes:
        primaries: table 2.
        transfer: table 3.
        matrix: table 4.
        range: 0 unspecified, 1 limited, 2 full.
    """

    primaries: int
    transfer: int
    matrix: int
    range: int

    @classmethod
    def of(cls, source: Any) -> Tags:
        """Those of a frame or a codec's context of PyAV."""
        return cls(
            primaries=int(source.color_primaries),
            transfer=int(source.color_trc),
            matrix=int(source.colorspace),
            range=int(source.color_range),
        )

    def completed(self, other: Tags) -> Tags:
        """These, and where they say nothing the other ones."""
        return Tags(
            primaries=other.primaries if self.primaries == UNSPECIFIED else self.primaries,
            transfer=other.transfer if self.transfer == UNSPECIFIED else self.transfer,
            matrix=other.matrix if self.matrix == UNSPECIFIED else self.matrix,
            range=self.range or other.range,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation:
    """How frames are read.

    Attributes:
        matrix: a name of `ycbcr.LUMA_WEIGHTS`, or None where the stream holds RGB.
        full: whether codes fill the range.
        transfer: `bt1886` (a display's light is code ** 2.4), `srgb` or `gamma22`.
        primaries: a name of `mqn.hdr.primaries.PRIMARIES`.
        assumed: what the stream does not say and is assumed.
    """

    matrix: str | None
    full: bool
    transfer: str
    primaries: str
    assumed: tuple[str, ...]

    def __str__(self) -> str:
        """One line for people."""
        matrix = f"{self.matrix} matrix" if self.matrix else "RGB"
        text = f"{matrix}, {'full' if self.full else 'limited'} range, {self.transfer} transfer"
        text += f", {self.primaries} primaries"
        return f"{text} ({', '.join(self.assumed)} assumed)" if self.assumed else text

    def to_srgb(self, rgb: np.ndarray) -> np.ndarray:
        """What a reference display shows of (H, W, 3) float32 code values in [0, 1] of the stream, as sRGB code values.

        Colours outside BT.709 are clipped to it.
        """
        if self.transfer == "srgb" and self.primaries == "bt709":
            return rgb
        light = srgb_decode(rgb) if self.transfer == "srgb" else rgb ** np.float32(_GAMMAS[self.transfer])
        light = np.clip(change_primaries(light, self.primaries, "bt709"), 0, 1)
        return np.clip(srgb_encode(light), 0, 1).astype(np.float32)


# ITU-R BT.1886 with a black of 0; H.273's "assumed display gamma 2.2".
_GAMMAS = {"bt1886": 2.4, "gamma22": 2.2}


def interpret(tags: Tags, *, name: str, rgb: bool, full: bool, lines: int, transfer: str = "auto") -> Interpretation:
    """Decide how frames are to be read.

    Args:
        tags: as the stream has them.
        name: what to call the video in errors.
        rgb: whether the pixel format holds RGB.
        full: whether the pixel format itself says full range (the `yuvj` formats).
        lines: height of the picture: untagged video is BT.709 from 720 lines on and BT.601 below, as players have it.
        transfer: `auto` (the stream's tag; BT.1886 where it has none), `bt1886` or `srgb`.

    Raises:
        VideoError: the video is described in a way that is not read.
    """
    assumed = []
    matrix = None if rgb else _MATRICES.get(tags.matrix)
    if not rgb and tags.matrix == UNSPECIFIED:
        matrix = "bt709" if lines >= _HD_LINES else "bt601"
        assumed.append("matrix")
    elif not rgb and matrix is None:
        raise VideoError(f"{name}: has the colour matrix number {tags.matrix} of H.273; {_known(_MATRICES)} are read")
    if not (rgb or full or tags.range):
        assumed.append("range")
    found = _TRANSFERS.get(tags.transfer)
    if transfer != "auto":
        found = transfer
    elif tags.transfer == UNSPECIFIED:
        found = "srgb" if rgb else "bt1886"
        assumed.append("transfer")
    elif found is None:
        raise VideoError(f"{name}: has the transfer number {tags.transfer} of H.273; {_known(_TRANSFERS)} are read")
    primaries = _PRIMARIES.get(tags.primaries)
    if tags.primaries == UNSPECIFIED:
        primaries = "bt709"
        assumed.append("primaries")
    elif primaries is None:
        raise VideoError(f"{name}: has the primaries number {tags.primaries} of H.273; {_known(_PRIMARIES)} are read")
    assert found is not None
    return Interpretation(
        matrix=matrix,
        full=rgb or full or tags.range == _FULL,
        transfer=found,
        primaries=primaries,
        assumed=tuple(assumed),
    )


def _known(table: dict[int, str]) -> str:
    return ", ".join(map(str, table))
