"""What a search attains over several runs: surfaces of the empirical attainment function.

A run attains a point where some trial of it is nowhere worse. The empirical attainment function says of every point
which share of the runs attains it; its k-th surface bounds what at least k runs attain (V. Grunert da Fonseca, C. M.
Fonseca, A. O. Hall, "Inferential performance assessment of stochastic optimisers and the attainment function", EMO
2001). The surface of one run is the best that was seen, that of all runs what every run came to, and the one between
them the typical run.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mqn import pareto

MOST_OBJECTIVES = 3
"""The corners of a surface grow with the number of points to the power of the objectives less one."""


def attained_front(runs: Sequence[ArrayLike], count: int) -> NDArray[np.float64]:
    """The best points that at least so many runs attain: the corners of one attainment surface.

    Args:
        runs: each (n, m), the points of one run in m objectives, all minimised; n may differ.
        count: how many runs have to attain a point, 1 to `len(runs)`.

    Returns:
        (k, m) in lexicographic order; no point of it beats another. Empty where too few runs attain anything.

    Raises:
        ValueError: the runs differ in their number of objectives, have more than `MOST_OBJECTIVES`, or there are fewer.
    """
    points = [np.asarray(run, dtype=np.float64) for run in runs]
    if not 1 <= count <= len(points):
        raise ValueError(f"count {count} is not in 1 .. {len(points)}")
    known = [run.reshape(len(run), -1) for run in points if run.size]
    sizes = {run.shape[1] for run in known}
    if len(sizes) > 1 or max(sizes, default=1) > MOST_OBJECTIVES:
        raise ValueError(f"runs must have the same objectives, {MOST_OBJECTIVES} at most, not {sorted(sizes)}")
    if len(known) < count:
        return np.empty((0, max(sizes, default=1)))
    every = np.vstack(known)
    # A corner takes each of its coordinates from some point; the last one follows from the others.
    grid = itertools.product(*(np.unique(column) for column in every.T[:-1]))
    corners = []
    for place in grid:
        lowest = [_lowest(run, np.array(place)) for run in known]
        last = sorted(lowest)[count - 1]
        if math.isfinite(last):
            corners.append((*place, last))
    found = np.array(corners)
    front = found[pareto.front_mask(found)]
    return np.unique(front, axis=0)


def _lowest(run: NDArray[np.float64], place: NDArray[np.float64]) -> float:
    """The least last coordinate of a run's points that are nowhere above a place; infinite without any."""
    within = (run[:, :-1] <= place).all(axis=1)
    return float(run[within, -1].min()) if within.any() else math.inf


def counts_of(runs: int) -> dict[int, str]:
    """The surfaces that are shown of so many runs: how many of them attain each, and what it is called."""
    if runs < 2:
        return {}
    named = {1: "best", runs: "worst", math.ceil(runs / 2): "median"}
    if runs == 2:  # Its median would be its best.
        named = {1: "best", 2: "worst"}
    if runs > 4:
        named = {math.ceil(runs / 4): "25 %", math.ceil(3 * runs / 4): "75 %", **named}
    return dict(sorted(named.items()))
