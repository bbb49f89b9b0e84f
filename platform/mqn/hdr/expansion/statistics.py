"""What some operators want to know of a whole picture."""

from __future__ import annotations

import numpy as np

_LOG_FLOOR = 1e-6
_TAIL = 1.0


def log_average(luminance: np.ndarray) -> float:
    """The geometric mean of luminances (H, W), each taken for at least 1e-6."""
    return float(np.exp(np.log(np.maximum(luminance, _LOG_FLOOR)).mean(dtype=np.float64)))


def key(luminance: np.ndarray) -> float:
    """How bright a picture is between its own extremes (Akyuz and Reinhard 2006), in [0, 1].

        k = (log L_average - log L_min) / (log L_max - log L_min)

    L_average is the geometric mean. L_min and L_max leave the darkest and the brightest percent of the pixels that are
    not black out of account, as in the HDR Toolbox. A picture of one luminance, where the formula has no value, has
    0.5.
    """
    lit = luminance[luminance > 0]
    if not lit.size:
        return 0.5
    low, high = np.log(np.maximum(np.percentile(lit, (_TAIL, 100 - _TAIL)), _LOG_FLOOR))
    if high <= low:
        return 0.5
    return float(np.clip((np.log(log_average(luminance)) - low) / (high - low), 0.0, 1.0))
