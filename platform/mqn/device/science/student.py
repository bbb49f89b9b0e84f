"""Student's distribution: how much wider a range must be when few processes have been seen."""

from __future__ import annotations

import math
from functools import cache


@cache
def student_quantile(confidence: float, freedom: int) -> float:
    """The t that a value lies within, either side, with a given probability.

    Args:
        confidence: in (0, 1), for example 0.95.
        freedom: degrees of freedom, at least 1.

    Returns:
        t with P(|T| <= t) = confidence.
    """
    low, high = 0.0, 1.0
    while _share_within(high, freedom) < confidence:
        high *= 2
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        if _share_within(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return high


def _share_within(t: float, freedom: int) -> float:
    """P(|T| <= t) for whole degrees of freedom: Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine * cosine * k / (k + 1)
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
