"""Primaries: which red, green, blue and white a picture's three numbers stand for, and how to change them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from mqn.errors import UnknownNameError

D65 = (0.3127, 0.3290)


@dataclass(frozen=True, slots=True, kw_only=True)
class Primaries:
    """CIE 1931 chromaticities (x, y).

    Attributes:
        red: of the first channel.
        green: of the second.
        blue: of the third.
        white: of equal channels.
    """

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float] = D65

    @property
    def chromaticities(self) -> tuple[float, ...]:
        """The eight numbers of OpenEXR's attribute of that name: red, green, blue, white."""
        return (*self.red, *self.green, *self.blue, *self.white)


PRIMARIES: dict[str, Primaries] = {
    # ITU-R BT.709-6, item 1.3; sRGB's too.
    "bt709": Primaries(red=(0.640, 0.330), green=(0.300, 0.600), blue=(0.150, 0.060)),
    # ITU-R BT.2020-2, table 3; BT.2100's too.
    "bt2020": Primaries(red=(0.708, 0.292), green=(0.170, 0.797), blue=(0.131, 0.046)),
    # SMPTE EG 432-1: the cinema's primaries with the daylight white of displays.
    "p3": Primaries(red=(0.680, 0.320), green=(0.265, 0.690), blue=(0.150, 0.060)),
    # Adobe RGB (1998) Color Image Encoding, 4.2.1.
    "adobe_rgb": Primaries(red=(0.640, 0.330), green=(0.210, 0.710), blue=(0.150, 0.060)),
    # ITU-R BT.601-7, 625 lines and 525 lines (SMPTE 170M).
    "bt601_625": Primaries(red=(0.640, 0.330), green=(0.290, 0.600), blue=(0.150, 0.060)),
    "bt601_525": Primaries(red=(0.630, 0.340), green=(0.310, 0.595), blue=(0.155, 0.070)),
}


def primaries(name: str) -> Primaries:
    """Primaries by name.

    Raises:
        UnknownNameError: none of `PRIMARIES`.
    """
    try:
        return PRIMARIES[name]
    except KeyError:
        raise UnknownNameError("primaries", name, PRIMARIES) from None


@functools.cache
def to_xyz(name: str) -> np.ndarray:
    """The matrix from linear RGB to CIE XYZ, Y = 1 for R = G = B = 1 (SMPTE RP 177).

    Args:
        name: one of `PRIMARIES`.

    Returns:
        (3, 3) float64, for column vectors; read-only.
    """
    given = primaries(name)
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in (given.red, given.green, given.blue)]).T
    x, y = given.white
    matrix = columns * np.linalg.solve(columns, np.array([x / y, 1.0, (1 - x - y) / y]))
    matrix.flags.writeable = False
    return matrix


@functools.cache
def matrix(source: str, target: str) -> np.ndarray:
    """The matrix from one linear RGB to another of the same white.

    Args:
        source: one of `PRIMARIES`.
        target: likewise.

    Returns:
        (3, 3) float64, for column vectors; read-only.
    """
    product: np.ndarray = np.linalg.solve(to_xyz(target), to_xyz(source))
    product.flags.writeable = False
    return product


def change_primaries(image: np.ndarray, source: str, target: str) -> np.ndarray:
    """The same colours in other primaries.

    Args:
        image: (..., 3) floats, linear light in `source`.
        source: one of `PRIMARIES`.
        target: likewise.

    Returns:
        The same shape and dtype. From BT.709 to BT.2020 nothing leaves the positive; the other way colours beyond
        BT.709 come out negative, for the caller to clip.
    """
    if source == target:
        return image
    return image @ matrix(source, target).T.astype(image.dtype)


def luminance(image: np.ndarray, name: str = "bt709") -> np.ndarray:
    """Relative luminance Y of linear RGB.

    Args:
        image: (..., 3) floats, linear light.
        name: its primaries, one of `PRIMARIES`.

    Returns:
        (...) of the same dtype; the unit is the picture's.
    """
    weighted: np.ndarray = image @ to_xyz(name)[1].astype(image.dtype)
    return weighted
