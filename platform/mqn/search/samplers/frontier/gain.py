"""How much a front would gain by sets of points, over many samples at once. Everything is minimised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mqn.pareto import front_mask

Array = NDArray[np.float64]

_DIRECTIONS = 64


def gains(sets: Array, front: Array, reference: Array, source: np.random.Generator) -> Array:
    """The hypervolume that each set adds to a front: exact up to two objectives, else over random directions.

    Args:
        sets: (..., p, m) sets of p points in m objectives; infinite where a point counts for nothing.
        front: (f, m) points that there are; f may be 0.
        reference: (m,) the point that bounds the volume.
        source: draws directions.

    Returns:
        (...) volumes, 0 or more.
    """
    inside = front[(front < reference).all(axis=1)] if len(front) else front.reshape(0, len(reference))
    inside = inside[front_mask(inside)] if len(inside) else inside
    sets = np.minimum(sets, reference)  # what reaches the reference adds nothing
    if len(reference) == 1:
        best = float(inside.min()) if len(inside) else float(reference[0])
        return np.maximum(best - sets[..., 0].min(axis=-1), 0.0)
    if len(reference) == 2:
        return _areas(sets, inside, reference)
    return _volumes(sets, inside, reference, source)


def _areas(sets: Array, front: Array, reference: Array) -> Array:
    """Both staircases side by side: where the set's runs below the front's, the height between them counts."""
    order = np.argsort(sets[..., 0], axis=-1, kind="stable")
    begin = np.take_along_axis(sets[..., 0], order, axis=-1)
    height = np.minimum.accumulate(np.take_along_axis(sets[..., 1], order, axis=-1), axis=-1)
    end = np.concatenate([begin[..., 1:], np.full_like(begin[..., :1], reference[0])], axis=-1)
    ranked = front[np.argsort(front[:, 0])]
    edges = np.concatenate([[-np.inf], ranked[:, 0], [reference[0]]])
    heights = np.concatenate([[reference[1]], ranked[:, 1]])
    total = np.zeros(sets.shape[:-2])
    for i, roof in enumerate(heights):
        width = np.minimum(end, edges[i + 1]) - np.maximum(begin, edges[i])
        total += (np.maximum(width, 0.0) * np.maximum(roof - height, 0.0)).sum(axis=-1)
    return total


def _volumes(sets: Array, front: Array, reference: Array, source: np.random.Generator) -> Array:
    """The mean over random directions of the length to the power of m.

    Zhang and Golovin, "Random hypervolume scalarizations for provable multi-objective black box optimization" (2020).
    """
    ideal = np.minimum(sets.reshape(-1, len(reference)).min(axis=0), front.min(axis=0) if len(front) else reference)
    span = np.maximum(reference - ideal, 1e-12)
    own, theirs = (reference - sets) / span, (reference - front) / span
    directions = np.abs(source.normal(size=(_DIRECTIONS, len(reference))))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    total = np.zeros(sets.shape[:-2])
    for direction in np.maximum(directions, 1e-9):
        reached = (theirs / direction).min(axis=1).max() if len(front) else 0.0
        length = (own / direction).min(axis=-1).max(axis=-1)
        total += np.maximum(length ** len(reference) - reached ** len(reference), 0.0)
    return total / _DIRECTIONS
