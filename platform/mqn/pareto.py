"""Pareto fronts and hypervolume on plain arrays. Everything is minimised here; the caller turns signs."""

from __future__ import annotations

import bisect

import numpy as np
from numpy.typing import ArrayLike, NDArray


def front_mask(values: ArrayLike) -> NDArray[np.bool_]:
    """Mark the points that no other point beats.

    A point beats another when it is nowhere worse and somewhere better; of equal points none beats the other.

    Args:
        values: (n, m), n points in m objectives, all minimised; infinities are allowed.

    Returns:
        (n,) true for the points of the front.

    Raises:
        ValueError: the array is not two-dimensional, or holds NaN.
    """
    points = _points(values)
    mask = np.ones(len(points), dtype=bool)
    order = np.lexsort(points.T[::-1])  # whatever beats a point stands before it
    ranked = points[order]
    if points.shape[1] == 2:
        mask[order] = _unbeaten(ranked)
        return mask
    for i in range(len(ranked)):
        if mask[order[i]]:
            later = ranked[i + 1 :]
            beaten = (later >= ranked[i]).all(axis=1) & (later > ranked[i]).any(axis=1)
            mask[order[i + 1 :][beaten]] = False
    return mask


def front_ranks(values: ArrayLike) -> NDArray[np.int64]:
    """Sort points into fronts: the front, the front of what that leaves, and so on.

    Args:
        values: as in `front_mask`.

    Returns:
        (n,) 0 for the points of the front, 1 for those of the second, ...
    """
    points = _points(values)
    if points.shape[1] == 2:
        return _ranks(points)
    found, left, rank = np.zeros(len(points), dtype=np.int64), np.arange(len(points)), 0
    while left.size:
        first = front_mask(points[left])
        found[left[first]] = rank
        left, rank = left[~first], rank + 1
    return found


def settled_mask(values: ArrayLike, sure: ArrayLike) -> NDArray[np.bool_]:
    """Mark the front of points of which some are means over several tries and others were tried once.

    The best of many single tries are lucky. So a single try never drives a mean off the front, but joins it where no
    mean beats it: what comes of it shows when it is tried again.

    Args:
        values: (n, m), n points in m objectives, all minimised.
        sure: (n,) whether a point is a mean.

    Returns:
        (n,) true for the means that no other mean beats, and for the single tries that neither one of those means nor
        another single try beats. Without means it is `front_mask`.
    """
    points, means = _points(values), np.asarray(sure, dtype=bool)
    if not means.any():
        return front_mask(points)
    mask = np.zeros(len(points), dtype=bool)
    mask[means] = front_mask(points[means])
    kept = points[mask]
    single = np.flatnonzero(~means)
    free = [i for i in single if not ((kept <= points[i]).all(axis=1) & (kept < points[i]).any(axis=1)).any()]
    mask[free] = front_mask(points[free])
    return mask


def hypervolume(values: ArrayLike, reference: ArrayLike) -> float:
    """Measure the space between a reference point and the front of some points, exactly.

    Args:
        values: (n, m), n points in m objectives, all minimised. The time grows with n to the power of m - 1.
        reference: (m,) a point that is worse than those of interest; points that do not beat it everywhere add nothing.

    Returns:
        The volume that is dominated by at least one point and lies within the reference; 0 without such a point.

    Raises:
        ValueError: reference and points differ in their number of objectives, or hold NaN.
    """
    points, corner = _points(values), np.asarray(reference, dtype=np.float64)
    if np.isnan(corner).any():
        raise ValueError("the reference point holds NaN")
    if len(points) == 0:
        return 0.0
    if corner.shape != points.shape[1:]:
        raise ValueError(f"reference of shape {corner.shape} does not fit points of shape {points.shape}")
    points = points[(points < corner).all(axis=1)]
    return _measure(points, corner) if len(points) else 0.0


def _unbeaten(ranked: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The front of (n, 2) points that are sorted by their first value, then by their second."""
    if not len(ranked):
        return np.ones(0, dtype=bool)
    first, second = ranked.T
    lowest = np.minimum.accumulate(second)
    lower = np.concatenate(([True], second[1:] < lowest[:-1]))
    latest = np.maximum.accumulate(np.where(lower, np.arange(len(ranked)), 0))
    found: NDArray[np.bool_] = lower | ((second == lowest) & (first == first[latest]))  # or equal to one of the front
    return found


def _ranks(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Ranks of (n, 2) points in one pass: a point is on the first front whose latest point does not beat it."""
    order = np.lexsort(points.T[::-1])
    ranked = points[order]
    again = np.concatenate(([False], (ranked[1:] == ranked[:-1]).all(axis=1)))[: len(ranked)]
    latest: list[float] = []
    found, rank = np.empty(len(points), dtype=np.int64), 0
    for place, second, same in zip(order.tolist(), ranked[:, 1].tolist(), again.tolist(), strict=True):
        if not same:
            rank = bisect.bisect_right(latest, second)
            latest[rank : rank + 1] = [second]
        found[place] = rank
    return found


def _points(values: ArrayLike) -> NDArray[np.float64]:
    points = np.asarray(values, dtype=np.float64)
    if points.size == 0 and points.ndim < 2:
        return np.empty((0, 1))
    if points.ndim != 2:
        raise ValueError(f"points must be (n, m), not of shape {points.shape}")
    if np.isnan(points).any():
        raise ValueError("points hold NaN")
    return points


def _area(points: NDArray[np.float64], corner: NDArray[np.float64]) -> float:
    """The area of a staircase: one rectangle a step, from left to right."""
    ranked = points[np.lexsort((points[:, 1], points[:, 0]))]
    # The best height so far bounds each step from above; a point above it adds a rectangle of height 0.
    floor = np.minimum.accumulate(np.concatenate(([corner[1]], ranked[:, 1])))
    return float(((corner[0] - ranked[:, 0]) * (floor[:-1] - floor[1:])).sum())


def _measure(points: NDArray[np.float64], corner: NDArray[np.float64]) -> float:
    """The volume in any number of dimensions: slabs along the last axis, each as large as the points that reach it."""
    points = points[front_mask(points)]
    if len(corner) == 1:
        return float(corner[0] - points.min())
    if len(corner) == 2:
        return _area(points, corner)
    ranked = points[np.argsort(points[:, -1], kind="stable")]
    ends = np.append(ranked[1:, -1], corner[-1])
    total = 0.0
    for i, (start, end) in enumerate(zip(ranked[:, -1], ends, strict=True)):
        if end > start:
            total += (end - start) * _measure(ranked[: i + 1, :-1], corner[:-1])
    return total
