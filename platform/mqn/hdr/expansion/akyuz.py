"""The linear expansion of Akyuz et al. 2007."""

from __future__ import annotations

import numpy as np

from mqn.hdr.expansion.light import linearize, relight

GAMMA = 1.0


def expand(ldr: np.ndarray) -> np.ndarray:
    """Stretch the picture's own range to that of the display (Akyuz et al. 2007).

        L' = peak ((L - L_min) / (L_max - L_min))^gamma

    Gamma is 1, which the paper's observers liked as well as anything more elaborate. Left open: a picture of one
    luminance, which stays as it is.

    Args:
        ldr: (H, W, 3) sRGB code values in [0, 1].

    Returns:
        (H, W, 3) float32 linear, not negative; 1.0 = the display's peak, what the brightest pixel gets.
    """
    linear, luminance = linearize(ldr)
    low, high = luminance.min(), luminance.max()
    if low == high:
        return linear
    return relight(linear, luminance, ((luminance - low) / (high - low)) ** np.float32(GAMMA))
