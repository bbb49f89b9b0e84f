"""The error in the clipped region: where the input has lost the light that a method should bring back."""

from __future__ import annotations

import math

import numpy as np

from mqn.hdr.tonemap import luminance

CLIPPED_CODE = 250
"""Of 255: a pixel is clipped where any channel of the LDR input has this code value or more. Below 255, because JPEG
and noise move what was clipped."""

FLOOR = 5e-6
"""Luminance below this share of the scale counts as this: 0.005 cd/m2 where the scale stands for 1000 cd/m2."""


def clipped_region(ldr: np.ndarray) -> np.ndarray:
    """Find the clipped pixels of an LDR picture, (H, W, 3) in [0, 1], display-referred. The result is (H, W) bool."""
    codes = np.rint(255 * np.asarray(ldr, np.float64))
    region: np.ndarray = codes.max(axis=-1) >= CLIPPED_CODE
    return region


def error(test: np.ndarray, reference: np.ndarray, ldr: np.ndarray) -> float:
    """Mean |log10(predicted luminance) - log10(true luminance)| over the clipped pixels of the input.

    Args:
        test: (H, W, 3) linear BT.709, 1.0 = the truth's 99.9 % point.
        reference: the same shape, the truth.
        ldr: (H, W, 3) in [0, 1], display-referred: what the prediction was made from.

    Returns:
        log10 units: 0.3 is a factor of 2. NaN where nothing is clipped.

    Raises:
        ValueError: the shapes differ.
    """
    if not test.shape == reference.shape == ldr.shape:
        raise ValueError(f"test {test.shape}, reference {reference.shape} and LDR {ldr.shape} must have one shape")
    region = clipped_region(ldr)
    if not region.any():
        return math.nan
    light, truth = (
        np.log10(np.maximum(luminance(image[region].astype(np.float64)), FLOOR)) for image in (test, reference)
    )
    return float(np.abs(light - truth).mean())
