"""The inverse retina response of Huo et al. 2014."""

from __future__ import annotations

import numpy as np

from mqn.hdr.expansion.light import linearize, relight
from mqn.hdr.expansion.smoothing import bilateral
from mqn.hdr.expansion.statistics import log_average

SENSITIVITY = 0.86
PASSES = ((16.0, 0.3), (10.0, 0.1))
"""Standard deviations of the two bilateral filters, in pixels and in luminance (white = 1)."""


def expand(ldr: np.ndarray) -> np.ndarray:
    """Undo a photoreceptor's response, R = I^n / (I^n + sigma^n) (Huo et al. 2014).

        L' = L / L_max (S^n + G^n)^(1/n),  S = peak bilateral(bilateral(L)),  G = peak L_H

    S is the light that a receptor is locally adapted to, G that of the whole picture, L_H its geometric mean; n = 0.86,
    the paper's. The two bilateral filters (16 pixels and 0.3, then 10 and 0.1) are the HDR Toolbox's reading of the
    paper's two iterations; they stay as wide in pictures of other sizes, for which the paper says nothing.

    1.0 = the peak that adaptation is counted in. Light in bright surroundings comes out above it: up to 2^(1/n) = 2.24
    in a picture that is white all over.
    """
    linear, luminance = linearize(ldr)
    highest = luminance.max()
    if highest == 0:
        return linear
    local = luminance
    for sigma_space, sigma_range in PASSES:
        local = bilateral(local, sigma_space, sigma_range)
    adapted = (local**SENSITIVITY + log_average(luminance) ** SENSITIVITY) ** (1 / SENSITIVITY)
    return relight(linear, luminance, np.asarray(luminance / highest * adapted, np.float32))
