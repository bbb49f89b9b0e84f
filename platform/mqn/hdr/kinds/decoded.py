"""What a decoder of HDR files returns: pixels, the colours they stand for, and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.primaries import PRIMARIES, Primaries, adaptation, matrix, name_of, stated, to_xyz

_BT709 = PRIMARIES["bt709"]

# One part in a thousand of a chromaticity: a white that is stated as this one is this one.
_SAME_WHITE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedHdr:
    """What an HDR file holds.

    Attributes:
        pixels: (H, W) or (H, W, channels) upright, linear in light, red first; of the file's own type.
        primaries: which colours R, G and B are.
        neutral: chromaticity that is to look white, where a file states another than its primaries' white.
        notes: what was chosen or put right, each a clause.
    """

    pixels: np.ndarray
    primaries: Primaries = _BT709
    neutral: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


def stated_primaries(path: Path, where: str, numbers: Sequence[float]) -> tuple[Primaries, tuple[str, ...]]:
    """Read the primaries that a file states, and notes on them.

    `numbers` are x and y of red, green, blue and white. Zeros throughout, which some writers leave, mean BT.709.
    `where` is the file's word for the primaries, for messages.

    Raises:
        PictureError: no light can be computed from them.
    """
    if len(numbers) == 8 and not any(numbers):
        return _BT709, (f"its {where} are all 0; its colours are taken for BT.709",)
    found = stated(numbers)
    if found is None:
        said = " ".join(f"{number:g}" for number in numbers)
        raise PictureError(f"{path}: its {where} ({said}) are no primaries and white; its colours cannot be known")
    return found, ()


def in_bt709(image: np.ndarray, decoded: DecodedHdr) -> tuple[np.ndarray, tuple[str, ...]]:
    """Bring a picture, (H, W, 3) float32, to BT.709, and return notes on it.

    Where its white is not D65, colours are adapted (Bradford). The result is finite; values may be negative.
    """
    given, neutral = decoded.primaries, decoded.neutral
    adapted = neutral is not None and not _same(neutral, given.white)
    if given == _BT709 and not adapted:
        return image, ()
    name = name_of(given) or "the primaries that it states"
    white = neutral if adapted and neutral is not None else given.white
    if adapted:
        to_d65 = adaptation(white, _BT709.white)
        change = np.linalg.solve(to_xyz(_BT709), to_d65 @ to_xyz(given))
    else:
        change = matrix(given, _BT709)
    # Computed in float64, and cut at its end: values near that of float32 would pass it.
    limit = np.finfo(np.float32).max
    converted = np.clip(image.astype(np.float64) @ change.T, -limit, limit).astype(np.float32)
    note = f"its colours are brought from {name} to BT.709"
    if not _same(white, _BT709.white):
        note += f" and adapted from the white {white[0]:.4f}, {white[1]:.4f} to D65"
    return converted, (note,)


def _same(white: tuple[float, float], other: tuple[float, float]) -> bool:
    return max(abs(white[0] - other[0]), abs(white[1] - other[1])) < _SAME_WHITE
