"""The gamma expansion of Masia et al. 2009, gamma chosen by the picture's key."""

from __future__ import annotations

import numpy as np

from mqn.hdr.expansion.light import linearize, relight
from mqn.hdr.expansion.statistics import key

SLOPE = 10.44
OFFSET = -6.282
MINIMUM_GAMMA = 1.0


def expand(ldr: np.ndarray) -> np.ndarray:
    """Expand by a power (Masia et al. 2009).

        L' = peak L^gamma,  gamma = 10.44 k - 6.282

    k is the key (`mqn.hdr.expansion.statistics.key`); the line was fitted to what observers chose, for pictures
    that tend to over-exposure. Left open: what holds for others. Below k = 0.70 the line gives less than 1, below 0.60
    a negative gamma, which would turn light and dark about; here gamma is at least 1, so that nothing is compressed.
    The optional bilateral filter against noise has no published parameters and is left out.

    Args:
        ldr: (H, W, 3) sRGB code values in [0, 1].

    Returns:
        (H, W, 3) float32 linear, not negative; 1.0 = the display's peak, what white becomes.
    """
    linear, luminance = linearize(ldr)
    return relight(linear, luminance, luminance ** np.float32(gamma(luminance)))


def gamma(luminance: np.ndarray) -> float:
    """The exponent for a picture of these linear luminances, (H, W) in [0, 1]."""
    return max(SLOPE * key(luminance) + OFFSET, MINIMUM_GAMMA)
