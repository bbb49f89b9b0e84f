"""The gamma expansion of Masia, Serrano and Gutierrez 2017, gamma chosen by a regression on image statistics."""

from __future__ import annotations

import math

import numpy as np

from mqn.hdr.expansion.light import linearize, relight
from mqn.hdr.expansion.statistics import key, log_average

CONSTANT = 2.4379
LOG_AVERAGE = 0.2319
KEY = -1.1228
OVER_EXPOSED = 0.0085
OVER_EXPOSED_FROM = 254 / 255
MINIMUM_GAMMA = 1.0


def expand(ldr: np.ndarray) -> np.ndarray:
    """Expand by a power (Masia et al. 2017, Eq. 5).

        L' = peak L^gamma,  gamma = 2.4379 + 0.2319 ln L_H - 1.1228 k + 0.0085 p

    L_H is the geometric mean of luminance (white = 1), k the key (`mqn.hdr.expansion.statistics.key`), p the percentage
    of over-exposed pixels, those whose luminance is at least 254/255 of white. Left open: a very dark picture, for
    which the regression gives less than 1 or a negative gamma; here gamma is at least 1, so that nothing is compressed.

    Args:
        ldr: (H, W, 3) sRGB code values in [0, 1].

    Returns:
        (H, W, 3) float32 linear, not negative; 1.0 = the display's peak, what white becomes.
    """
    linear, luminance = linearize(ldr)
    return relight(linear, luminance, luminance ** np.float32(gamma(luminance)))


def gamma(luminance: np.ndarray) -> float:
    """The exponent for a picture of these linear luminances, (H, W) in [0, 1]."""
    over_exposed = 100 * float((luminance >= OVER_EXPOSED_FROM).mean())
    brightness = LOG_AVERAGE * math.log(log_average(luminance))
    return max(CONSTANT + brightness + KEY * key(luminance) + OVER_EXPOSED * over_exposed, MINIMUM_GAMMA)
