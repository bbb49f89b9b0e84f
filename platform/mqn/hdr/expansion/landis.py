"""The expansion of highlights of Landis 2002."""

from __future__ import annotations

import numpy as np

from mqn.hdr.expansion.light import HEADROOM, linearize, relight

THRESHOLD = 0.5
POWER = 2.0


def expand(ldr: np.ndarray) -> np.ndarray:
    """Expand what is brighter than a threshold, more and more towards white (Landis 2002).

        L' = L                      below R
        L' = (1 - w) L + w L_max    from R on,  w = ((L - R) / (1 - R))^alpha

    R = 0.5 and alpha = 2 are the HDR Toolbox's, which multiplies L_max by L once more: the same at white. Left open:
    what the new maximum is. Here L is in units of LDR white, and L_max is 10: 1000 cd/m2 where LDR white was 100.

    Args:
        ldr: (H, W, 3) sRGB code values in [0, 1].

    Returns:
        (H, W, 3) float32 linear, not negative; 1.0 = L_max, what white becomes.
    """
    linear, luminance = linearize(ldr)
    weight = np.clip((luminance - THRESHOLD) / (1 - THRESHOLD), 0.0, None) ** POWER
    expanded = (1 - weight) * luminance + weight * HEADROOM
    return relight(linear, luminance, expanded / HEADROOM)
