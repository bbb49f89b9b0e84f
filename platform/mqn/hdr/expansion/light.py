"""What every operator does first and last: code values to light, and new luminance back into colour."""

from __future__ import annotations

import numpy as np

from mqn.hdr.tonemap import luminance
from mqn.hdr.transfer import srgb_decode

PEAK_NITS = 1000.0
"""The display that operators expand for, cd/m2: what the judging protocol takes a truth's 99.9 % point for."""

LDR_WHITE_NITS = 100.0
"""The white of the display that LDR pictures were made for, cd/m2 (ITU-R BT.2035)."""

HEADROOM = PEAK_NITS / LDR_WHITE_NITS
"""How many times brighter than LDR white the brightest light may become."""


def linearize(ldr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn sRGB code values, (H, W, 3), into linear light. What lies outside [0, 1] is clipped.

    Returns:
        Linear BT.709, (H, W, 3), and its luminance, (H, W), float32 in [0, 1].
    """
    linear = np.asarray(srgb_decode(np.clip(np.asarray(ldr, np.float32), 0.0, 1.0)), np.float32)
    # The rounded weights add up to a hair more than 1 in float32.
    return linear, np.minimum(luminance(linear), np.float32(1.0))


def relight(linear: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Give a linear picture, (H, W, 3), a new luminance; its chromaticity is kept.

    `old`, (H, W), is the luminance that it has. Where that is 0 the result is black: there is no colour to keep.
    """
    factor = np.divide(new, old, out=np.zeros(old.shape, np.float32), where=old > 0, casting="unsafe")
    return np.asarray(linear * factor[..., None], np.float32)
