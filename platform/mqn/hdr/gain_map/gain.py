"""The arithmetic of gain maps (ISO 21496-1, 6): two pictures to a map, base and map to light."""

from __future__ import annotations

import math

import cv2
import numpy as np

from mqn.hdr.gain_map.metadata import MOST_STOPS, GainMapMetadata, triple

OFFSET = 2.0**-10
"""Added to both pictures. Black then has a finite gain; about three codes of an 8-bit base are darker than that."""

_LEAST_STOPS = 2.0**-6
"""Least range of a map and least headroom: readers divide by both."""

# Codes of sRGB 0.2 to 0.9, where a base is neither noise nor nearly clipped.
_DARK, _BRIGHT = 0.033, 0.79

# In per cent: what is brighter may be brighter than the headroom says, what is darker may be darker than the map says.
_BRIGHTEST, _DARKEST = 99.9, 0.1


def level(base: np.ndarray, light: np.ndarray) -> float:
    """The factor that gives a prediction the base's brightness: networks know light up to a scale only.

    Both are luminance, (H, W). The median of their ratio becomes 1 over what the base shows well (code values of 0.2 to
    0.9), or over the whole picture where it shows nothing so. What is between keeps its brightness on every display.
    """
    shown = (base > _DARK) & (base < _BRIGHT) & (light > 0)
    if not shown.any():
        shown = (base > 0) & (light > 0)
    return float(np.median(base[shown] / light[shown])) if shown.any() else 1.0


def stops(base: np.ndarray, light: np.ndarray) -> np.ndarray:
    """The gain from base to light, linear and of one shape, in stops: float32, within `MOST_STOPS` of 0."""
    above = np.maximum(light, 0) + np.float32(OFFSET)
    gain = np.log2(above / (base + np.float32(OFFSET)))
    return np.clip(gain, -MOST_STOPS, MOST_STOPS, out=gain)


def headroom(light: np.ndarray) -> float:
    """Stops above SDR white that a display needs for the whole of a picture, (H, W), 1.0 = SDR white."""
    brightest = max(float(np.percentile(light, _BRIGHTEST)), 1.0)
    return min(max(math.log2(brightest), _LEAST_STOPS), MOST_STOPS)


def reduced(gain: np.ndarray, scale: int) -> np.ndarray:
    """A map with sides of 1 / scale, rounded up: the mean of the stops that fall on each of its pixels."""
    if scale == 1:
        return gain
    height, width = (-(-side // scale) for side in gain.shape[:2])
    smaller: np.ndarray = cv2.resize(gain, (width, height), interpolation=cv2.INTER_AREA)
    return smaller


def quantize(gain: np.ndarray, alternate_headroom: float) -> tuple[np.ndarray, GainMapMetadata]:
    """Round a map, (H, W) or (H, W, 3) stops, to codes of 8 bits, uint8, and say what they stand for.

    Code 255 is the largest gain of each channel, so that no light is clipped. Code 0 is the gain that one pixel in a
    thousand stays below: a few that a prediction makes black would else take the codes from all others.
    """
    channels = gain.reshape(-1, 1 if gain.ndim == 2 else 3)
    low = np.percentile(channels, _DARKEST, axis=0).astype(np.float64)
    high = np.maximum(channels.max(axis=0), low + _LEAST_STOPS)
    codes = np.rint((gain - low.astype(np.float32)) * (255 / (high - low)).astype(np.float32))
    metadata = GainMapMetadata(
        minimum=triple(low),
        maximum=triple(high),
        base_offset=triple([OFFSET]),
        alternate_offset=triple([OFFSET]),
        alternate_headroom=alternate_headroom,
    )
    return np.clip(codes.reshape(gain.shape), 0, 255).astype(np.uint8), metadata


def apply(base: np.ndarray, codes: np.ndarray, metadata: GainMapMetadata) -> np.ndarray:
    """The light that a display of enough headroom shows.

    Args:
        base: (H, W, 3) float32, linear, 1.0 = SDR white.
        codes: (h, w) or (h, w, 3) uint8, the map, enlarged linearly to the base's size.
        metadata: of the map.

    Returns:
        (H, W, 3) float32, linear, of the base's primaries, not negative, 1.0 = SDR white.
    """
    shares = codes.astype(np.float32) / np.float32(255)
    if codes.shape[:2] != base.shape[:2]:
        shares = cv2.resize(shares, base.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    shares = shares[..., None] if shares.ndim == 2 else shares
    low, high, gamma, base_offset, offset = (
        np.asarray(values, np.float32)
        for values in (
            metadata.minimum, metadata.maximum, metadata.gamma, metadata.base_offset, metadata.alternate_offset,
        )
    )  # fmt: skip
    if metadata.gamma != (1.0, 1.0, 1.0):
        shares = shares ** (1 / gamma)
    light: np.ndarray = np.maximum((base + base_offset) * np.exp2(low + (high - low) * shares) - offset, 0)
    return light
