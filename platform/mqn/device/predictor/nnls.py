"""Least squares whose answer is nowhere negative: a cost may be nothing, and is never a gift."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-10


def solve_nonnegative(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minimise |a x - b| over x >= 0, by active sets (Lawson and Hanson, "Solving Least Squares Problems", 1974).

    Args:
        a: (n, m), n equations in m unknowns.
        b: (n,), right-hand sides.

    Returns:
        (m,), each at least 0.
    """
    unknowns = a.shape[1]
    x = np.zeros(unknowns)
    free = np.zeros(unknowns, dtype=bool)
    scale = max(1.0, float(np.abs(a.T @ b).max(initial=0.0)))
    for _ in range(3 * unknowns):
        gradient = a.T @ (b - a @ x)
        gradient[free] = -np.inf
        if free.all() or gradient.max() <= TOLERANCE * scale:
            break
        free[int(gradient.argmax())] = True
        x = _descend(a, b, x, free)
    return x


def _descend(
    a: NDArray[np.float64], b: NDArray[np.float64], x: NDArray[np.float64], free: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Go to the free unknowns' best, fixing on the way (in `free`) those that would fall below 0."""
    while free.any():
        best = np.zeros_like(x)
        best[free] = np.linalg.lstsq(a[:, free], b, rcond=None)[0]
        below = free & (best <= 0)
        if not below.any():
            return best
        # As far as the first of them reaches 0; that one stays there.
        step = float((x[below] / np.maximum(x[below] - best[below], np.finfo(float).tiny)).min())
        x = np.maximum(x + step * (best - x), 0.0)
        free &= ~(below & (x <= TOLERANCE))
        x[~free] = 0.0
    return x
