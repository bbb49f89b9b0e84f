"""The knee of a front: the trial that gives up least of everything at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DEFINITION = (
    "knee: each objective is put on a scale from 0, the front's best, to 1, its worst, and the trial with the smallest "
    "sum is taken; with two objectives it is the one farthest from the line between the front's ends"
)
"""What is meant by it, for people."""

LEAST = 3
"""A front of fewer trials has no knee: each of them is an end."""


def knee_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each point of a front gives up: the sum over its objectives, each from 0, the best, to 1, the worst.

    Args:
        values: (n, m) n points of a front in m objectives, all minimised; at least one point.

    Returns:
        (n,) sums in [0, m]. The ends of a front of two objectives have 1, points on the line between them too, and
        points nearer to the best of both have less. An objective in which all are equal adds nothing.
    """
    low, high = values.min(axis=0), values.max(axis=0)
    span = high - low
    scaled = np.divide(values - low, span, out=np.zeros_like(values), where=span > 0)
    sums: NDArray[np.float64] = scaled.sum(axis=1)
    return sums


def knee_text(sums: NDArray[np.float64], objectives: int) -> str:
    """Why the point with the smallest sum is taken, as a sentence; `objectives` is how many the front has."""
    if len(sums) == 1:
        return "only one trial is on the front"
    if len(sums) < LEAST:
        return "a front of two trials has no knee: each is an end of it"
    if objectives == 2 and sums.min() >= 1:
        return f"the front of {len(sums)} trials has no knee: none lies on the better side of the line between its ends"
    return f"the knee of the front of {len(sums)} trials"
