"""Means with confidence intervals over sources: pictures of one source (crops of a panorama, a stack) are alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mqn.records import Interval

CONFIDENCE = 0.95
RESAMPLES = 2000


def mean_interval(values: np.ndarray, sources: Sequence[str], seed: int = 0) -> list[Interval]:
    """Means over pictures, with percentile bootstrap intervals (Efron 1979) that redraw whole sources.

    Redrawing single pictures would take ten crops of one panorama for ten witnesses. All columns share their draws, and
    so do two calls with one seed and the same sources: differences between predictors are then paired.

    Args:
        values: (P, M), a row a picture and a column a figure; finite.
        sources: P names.
        seed: of the draws.

    Returns:
        M intervals, 95 %. With a single source nothing can be redrawn: low = mean = high.

    Raises:
        ValueError: no pictures, or not one source a picture.
    """
    if not len(values) or len(values) != len(sources):
        raise ValueError(
            f"{len(values)} pictures and {len(sources)} sources; there must be one a picture, and at least one"
        )
    _, group = np.unique(np.asarray(sources), return_inverse=True)
    counts = np.bincount(group).astype(np.float64)
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, group, values)
    generator = np.random.Generator(np.random.PCG64(seed))
    # How often each source is drawn: (RESAMPLES, S).
    drawn = generator.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=RESAMPLES)
    means = (drawn @ sums) / (drawn @ counts)[:, None]
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return [
        Interval(mean=float(m), low=float(lo), high=float(hi))
        for m, lo, hi in zip(values.mean(0), low, high, strict=True)
    ]
