"""ICC profiles of floating-point pictures: to linear BT.709, also where values pass 1.0."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mqn.hdr.decoding.profiles import lattice, transform
from mqn.hdr.primaries import primaries
from mqn.hdr.transfer import srgb_decode

# Code values and light differ by no more than this between a profile's table and the curve that it tabulates.
_ALIKE = 2e-3

# Light that a profile moves by less is the light that was there: profiles round to five digits.
_SAME = 5e-4


class UnusableProfileError(ValueError):
    """A profile that is damaged, or for other channels than R, G and B."""


class BoundedProfileError(ValueError):
    """A profile that says nothing of values beyond 1.0, for a picture that has some."""


def to_linear_bt709(pixels: np.ndarray, profile: bytes) -> tuple[np.ndarray, bool]:
    """Bring a floating-point picture to linear BT.709 by its ICC profile (relative colorimetric).

    Args:
        pixels: (H, W, 3) float32, finite, encoded as the profile says; 1.0 is white, and more may stand there.
        profile: the ICC profile's bytes.

    Returns:
        The same shape and dtype, unbounded, with colours beyond BT.709 below 0; and whether anything moved. What a
        profile of linear BT.709 says is left as it is, bit by bit.

    Raises:
        UnusableProfileError: the profile is damaged, or for other channels.
        BoundedProfileError: values pass 1.0 where the profile ends, and its curve is none that is known.
    """
    samples = lattice()
    moved = linear_bt709(samples, profile)
    if np.abs(moved - samples).max() <= _SAME:
        return pixels, False
    if float(pixels.max()) <= 1 or not _ends_at_one(profile):
        return linear_bt709(pixels, profile), True
    # A table of numbers ends at 1.0. Where it tabulates a known curve, that goes on.
    columns = linear_bt709(np.eye(3, dtype=np.float32)[None], profile)[0].astype(np.float64)
    for curve in _curves(profile, columns):
        if np.abs(curve(samples) @ columns - moved).max() <= _ALIKE:
            # Cut at the end of float32: values near it would pass it.
            limit = np.finfo(np.float32).max
            with np.errstate(over="ignore"):
                return np.clip(curve(pixels) @ columns, -limit, limit).astype(np.float32), True
    raise BoundedProfileError


def linear_bt709(values: np.ndarray, profile: bytes) -> np.ndarray:
    """Bring values, (H, W, 3) float32, to linear BT.709 by their ICC profile. Where its curves end, the result ends.

    Raises:
        UnusableProfileError: the profile is damaged, or for other channels.
    """
    import imagecodecs

    try:
        return transform(values, "rgb", profile, _target())
    except (imagecodecs.CmsError, ValueError) as error:
        raise UnusableProfileError from error


def _curves(profile: bytes, columns: np.ndarray) -> list[Callable[[np.ndarray], np.ndarray]]:
    """Those that a table may stand for: none, sRGB's, and the power that fits its middle."""
    half = linear_bt709(np.full((1, 1, 3), 0.5, np.float32), profile)[0, 0]
    light = float(half.sum() / columns.sum())
    power = np.log(light) / np.log(0.5) if 0 < light < 1 else 1.0
    return [
        lambda values: values.astype(np.float64),
        lambda values: np.sign(values) * srgb_decode(np.abs(values.astype(np.float64))),
        lambda values: np.sign(values) * np.abs(values.astype(np.float64)) ** power,
    ]


def _ends_at_one(profile: bytes) -> bool:
    ramp = np.repeat(np.array([[1.0, 4.0]], np.float32)[..., None], 3, axis=2)
    one, four = linear_bt709(ramp, profile)[0]
    return bool((four < 1.5 * one).any())


def _target() -> bytes:
    import imagecodecs

    given = primaries("bt709")
    points = [number for x, y in (given.red, given.green, given.blue) for number in (x, y, 1.0)]
    return bytes(imagecodecs.cms_profile("rgb", whitepoint=[*given.white, 1.0], primaries=points, gamma=1.0))
