"""Converts an LDR picture to sRGB by the colours that its file states: one order of precedence for all kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.decoding import profiles
from mqn.hdr.kinds.decoded_ldr import Decoded, Measured
from mqn.hdr.primaries import PRIMARIES, name_of

_BT709 = PRIMARIES["bt709"]

# 1 / 2.2, and what is rounded to it: sRGB in the words of those who have one number for it.
_SRGB_GAMMA, _ROUNDED = 0.45455, 5e-4

# Half a step of 8 bits.
_MOVED = 0.5 / 255


def in_srgb(
    path: Path, codes: np.ndarray, decoded: Decoded, untagged: Literal["srgb", "p3"], notes: list[str]
) -> tuple[np.ndarray, str]:
    """Bring code values to sRGB.

    What a file states holds in this order (PNG 3, 12.1 and 4.3): H.273's numbers, an ICC profile, the word sRGB, gamma
    and primaries, EXIF's "Adobe RGB".

    Args:
        path: for errors.
        codes: (H, W) grey, (H, W, 3) RGB or (H, W, 4) CMYK, unsigned integers.
        decoded: what the file says of them.
        untagged: what they are if it says nothing.
        notes: gets what is worth knowing.

    Returns:
        (H, W, 3) float32 in [0, 1], and what they were taken for.

    Raises:
        PictureError: PQ, HLG, CMYK without a profile, or colours that are not known.
    """
    points = decoded.coding_points
    values = codes.astype(np.float32)
    if points is None or points.full_range:
        values /= np.float32(2**decoded.bits - 1)
    else:
        # H.273, 8.3: black at 16 and white at 235, of 8 bits; more bits have more of them.
        unit = np.float32(2 ** (decoded.bits - 8))
        values = np.clip((values / unit - 16) / 219, 0, 1)
        notes.append("its codes are of narrow range, 16 to 235, and stretched")
    has_points = points is not None and (points.primaries, points.transfer) != (2, 2)
    if decoded.profile is not None and not has_points:
        profiles.require_standard_range(path, decoded.profile)
        converted = profiles.from_profile(values, decoded.channels, decoded.profile)
        if converted is not None:
            return _told(values, converted, profiles.profile_name(decoded.profile), notes)
        notes.append(f"its colour profile is damaged or not for {decoded.channels} pictures, and left out")
    if decoded.channels == "cmyk":
        raise PictureError(f"{path}: is CMYK without a usable colour profile; convert it to sRGB first")
    if decoded.channels == "grey":
        values = np.repeat(values[..., None], 3, axis=2)
    if points is not None and has_points:
        return _told(values, *profiles.from_code_points(path, values, points.primaries, points.transfer), notes)
    if decoded.says_srgb:
        return values, "sRGB"
    if decoded.measured is not None:
        return _told(values, *_from_measured(values, decoded.measured), notes)
    if decoded.is_adobe_rgb:
        return _told(values, profiles.from_adobe_rgb(values), "Adobe RGB, by its EXIF data", notes)
    if untagged == "p3":
        return profiles.from_primaries(values, "p3"), "p3, untagged"
    return values, "sRGB, untagged"


def _from_measured(values: np.ndarray, measured: Measured) -> tuple[np.ndarray, str]:
    given = measured.primaries or _BT709
    name = name_of(given) or "the primaries that it states"
    if measured.gamma is None:
        return profiles.from_primaries(values, given), "sRGB" if given == _BT709 else name
    if given == _BT709 and abs(measured.gamma - _SRGB_GAMMA) < _ROUNDED:
        return values, "sRGB, by its gamma"
    exponent = 1 / measured.gamma
    return profiles.from_power(values, exponent, given), f"{name}, gamma {exponent:.4g}"


def _told(values: np.ndarray, converted: np.ndarray, colours: str, notes: list[str]) -> tuple[np.ndarray, str]:
    before = values if values.ndim == 3 else values[..., None]
    if before.shape[2] == 4 or np.abs(before - converted).max(initial=0) > _MOVED:
        notes.append(f"its colours are brought from {colours} to sRGB")
    return converted, colours
