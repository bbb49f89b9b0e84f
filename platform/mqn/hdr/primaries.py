"""Primaries: which red, green, blue and white a picture's three numbers stand for, and how to change them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mqn.errors import UnknownNameError

D65 = (0.3127, 0.3290)
D50 = (0.3457, 0.3585)
# SMPTE ST 2065-1, 4.2: near D60.
ACES_WHITE = (0.32168, 0.33767)
# SMPTE RP 431-2, the cinema's.
DCI_WHITE = (0.314, 0.351)
# CIE illuminant C, as ITU-T H.273 rounds it.
C = (0.310, 0.316)

# Cone responses of the Bradford transform, of CIE XYZ (as in ICC.1:2022, annex E).
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

# Writers state chromaticities to three digits or four.
_ROUNDED = 2e-3


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
    # SMPTE RP 431-2: P3 with the cinema's own white.
    "dci_p3": Primaries(red=(0.680, 0.320), green=(0.265, 0.690), blue=(0.150, 0.060), white=DCI_WHITE),
    # SMPTE ST 2065-1 (ACES 2065-1, AP0) and the Academy's S-2014-004 (ACEScg, AP1).
    "aces2065_1": Primaries(red=(0.7347, 0.2653), green=(0.0, 1.0), blue=(0.0001, -0.0770), white=ACES_WHITE),
    "acescg": Primaries(red=(0.713, 0.293), green=(0.165, 0.830), blue=(0.128, 0.044), white=ACES_WHITE),
    # ISO 22028-2 (ROMM RGB).
    "prophoto": Primaries(red=(0.7347, 0.2653), green=(0.1596, 0.8404), blue=(0.0366, 0.0001), white=D50),
    # ITU-T H.273, table 2, numbers 4, 8 and 22.
    "bt470m": Primaries(red=(0.67, 0.33), green=(0.21, 0.71), blue=(0.14, 0.08), white=C),
    "film": Primaries(red=(0.681, 0.319), green=(0.243, 0.692), blue=(0.145, 0.049), white=C),
    "ebu3213": Primaries(red=(0.630, 0.340), green=(0.295, 0.605), blue=(0.155, 0.077)),
}


def primaries(name: str) -> Primaries:
    """Primaries by name; raises `UnknownNameError` if it is none of `PRIMARIES`."""
    try:
        return PRIMARIES[name]
    except KeyError:
        raise UnknownNameError("primaries", name, PRIMARIES) from None


def stated(chromaticities: Sequence[float]) -> Primaries | None:
    """Find which primaries a file means by its numbers, x and y of red, green, blue and white.

    Returns:
        Those of `PRIMARIES` that they mean, as writers round them; else the numbers themselves. None where light cannot
        be computed from them.
    """
    numbers = [float(number) for number in chromaticities]
    if len(numbers) != 8 or not np.isfinite(numbers).all() or numbers[7] <= 0:
        return None
    for known in PRIMARIES.values():
        if all(abs(a - b) < _ROUNDED for a, b in zip(numbers, known.chromaticities, strict=True)):
            return known
    red, green, blue, white = ((numbers[i], numbers[i + 1]) for i in range(0, 8, 2))
    given = Primaries(red=red, green=green, blue=blue, white=white)
    try:
        computed = to_xyz(given)
    except np.linalg.LinAlgError:
        return None
    # A white beyond the triangle of its primaries needs less than no light of one of them.
    usable = np.isfinite(computed).all() and (computed.sum(axis=0) > 0).all()
    return given if usable and np.linalg.cond(computed) < 1e6 else None


def name_of(given: Primaries) -> str | None:
    """The name of primaries in `PRIMARIES`; None if they stand nowhere there."""
    return next((name for name, known in PRIMARIES.items() if known == given), None)


@functools.cache
def to_xyz(given: str | Primaries) -> np.ndarray:
    """Compute the matrix from linear RGB to CIE XYZ (SMPTE RP 177): (3, 3) float64, for column vectors.

    Y is 1 for R = G = B = 1.
    """
    given = _resolved(given)
    columns = np.array([[x, y, 1 - x - y] for x, y in (given.red, given.green, given.blue)]).T
    matrix = columns * np.linalg.solve(columns, _xyz(given.white))
    matrix.flags.writeable = False
    return matrix


@functools.cache
def matrix(source: str | Primaries, target: str | Primaries) -> np.ndarray:
    """Compute the matrix from one linear RGB to another, (3, 3) float64, for column vectors.

    White stays white: where the two whites differ, colours are adapted (Bradford).
    """
    source, target = _resolved(source), _resolved(target)
    product: np.ndarray = np.linalg.solve(to_xyz(target), adaptation(source.white, target.white) @ to_xyz(source))
    product.flags.writeable = False
    return product


def adaptation(source: tuple[float, float], target: tuple[float, float]) -> np.ndarray:
    """Compute the Bradford transform, (3, 3) float64, for column vectors of CIE XYZ.

    It turns what is white under one light into what is white under another.
    """
    if source == target:
        return np.eye(3)
    gains = (_BRADFORD @ _xyz(target)) / (_BRADFORD @ _xyz(source))
    adapted: np.ndarray = np.linalg.solve(_BRADFORD, gains[:, None] * _BRADFORD)
    return adapted


def change_primaries(image: np.ndarray, source: str | Primaries, target: str | Primaries) -> np.ndarray:
    """Convert linear light, (..., 3), to other primaries, adapted where the whites differ. The dtype stays.

    From BT.709 to BT.2020 no colour becomes negative. The other way, colours outside BT.709 come out negative, and the
    caller clips them.
    """
    if _resolved(source) == _resolved(target):
        return image
    return image @ matrix(source, target).T.astype(image.dtype)


def luminance(image: np.ndarray, name: str = "bt709") -> np.ndarray:
    """Compute relative luminance Y, (...), of linear RGB, (..., 3). Dtype and unit stay.

    `name` is one of `PRIMARIES`.
    """
    weighted: np.ndarray = image @ to_xyz(name)[1].astype(image.dtype)
    return weighted


def _resolved(given: str | Primaries) -> Primaries:
    return primaries(given) if isinstance(given, str) else given


def _xyz(white: tuple[float, float]) -> np.ndarray:
    x, y = white
    return np.array([x / y, 1.0, (1 - x - y) / y])
