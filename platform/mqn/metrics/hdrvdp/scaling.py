"""What evaluations of single-image reconstruction put before HDR-VDP: pictures brought to one range by their order."""

from __future__ import annotations

import numpy as np

_LOWEST_NITS = 1.0
_SPAN_NITS = 998.0
_TAIL = 1000
_EPSILON = 1e-8


def prepare_p3(image: np.ndarray) -> np.ndarray:
    """Map a picture's 0.1 % and 99.9 % points, over all its values in any unit, to 1 and 999 cd/m2.

    The affine map that SI-HDR and the evaluations after it apply to prediction and truth alike, each by its own order
    statistics. It forgives exposure, whatever the picture's unit (but adds 1e-8 to the range that it divides by, so
    that pictures in a unit of which they hold less than a thousandth lose a digit), and forgives an offset too. The
    result is float64, at least 0; the tails may lie above 999 and below 1.

    Raises:
        ValueError: the picture is empty or not finite.
    """
    values = np.asarray(image, np.float64)
    if not values.size or not np.isfinite(values).all():
        raise ValueError(f"a picture of shape {values.shape} must be finite and not empty; mend the picture first")
    # Half up, as MATLAB rounds; at least one, so that small pictures go from their smallest value to their largest.
    rank = max(1, int(values.size / _TAIL + 0.5))
    ranked = np.partition(values, (rank - 1, values.size - rank), axis=None)
    low, high = ranked[rank - 1], ranked[-rank]
    return np.maximum((values - low) * (_SPAN_NITS / (high - low + _EPSILON)) + _LOWEST_NITS, 0.0)
