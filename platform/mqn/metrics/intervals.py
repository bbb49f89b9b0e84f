"""Means and differences of means, with intervals over sources: pictures of one source are alike.

A value is NaN where its measure does not apply to the picture (a clipped-region error without a clipped pixel). Such a
value stands for nothing, neither for 0 nor for a good figure: the mean leaves it out and says over how many it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mqn.records import Interval

CONFIDENCE = 0.95
RESAMPLES = 2000
EXACT_SOURCES = 14
"""Up to this many sources every one of the 2^n flips of sign is looked at, above it `FLIPS` drawn ones."""
FLIPS = 20_000


def mean_interval(values: np.ndarray, sources: Sequence[str], seed: int = 0) -> list[Interval]:
    """Means over pictures, with percentile bootstrap intervals (Efron 1979) that redraw whole sources.

    Redrawing single pictures would take ten crops of one panorama for ten witnesses. All columns share their draws, and
    so do two calls with one seed and the same sources: differences between predictors are then paired.

    Args:
        values: (P, M), a row a picture and a column a figure; NaN where a figure does not apply to a picture.
        sources: P names.
        seed: of the draws.

    Returns:
        M intervals, 95 %, each with the number of pictures behind it. With a single source nothing can be redrawn: low
        = mean = high. A column of nothing but NaN has n = 0 and NaN throughout.

    Raises:
        ValueError: no pictures, or not one source a picture.
    """
    group = _groups(values, sources)
    applies = ~np.isnan(values)
    counts, sums = (_by_source(column, group) for column in (applies, np.where(applies, values, 0.0)))
    generator = np.random.Generator(np.random.PCG64(seed))
    # How often each source is drawn: (RESAMPLES, S).
    drawn = generator.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=RESAMPLES)
    with np.errstate(invalid="ignore"):
        means = (drawn @ sums) / (drawn @ counts)
        overall = sums.sum(0) / counts.sum(0)
    return [
        _interval(mean, column[~np.isnan(column)], int(n))
        for mean, column, n in zip(overall, means.T, counts.sum(0), strict=True)
    ]


def sign_flip_p(differences: np.ndarray, sources: Sequence[str], seed: int = 0) -> float:
    """How often chance alone makes a mean difference at least as large: a paired permutation test over sources.

    If two predictors are equally good, then which of them a source favours is a coin's throw. The signs of all of a
    source's differences are flipped together, because its pictures are alike. Up to `EXACT_SOURCES` sources the test is
    exact; above, `FLIPS` flips are drawn, and the differences as they are count as one more.

    Args:
        differences: (P,), a value a picture; NaN is left out.
        sources: P names.
        seed: of the flips, where they are drawn.

    Returns:
        The two-sided p-value, above 0 and at most 1; NaN where no difference is left. With n sources it cannot come
        below 2 / 2^n.

    Raises:
        ValueError: no pictures, or not one source a picture.
    """
    group = _groups(differences[:, None], sources)
    kept = ~np.isnan(differences)
    if not kept.any():
        return float("nan")
    _, present = np.unique(group[kept], return_inverse=True)
    sums = np.bincount(present, weights=differences[kept])
    # A source whose differences cancel out is the same flipped; leaving it out halves the work, not the p-value.
    sums = sums[sums != 0]
    if len(sums) <= EXACT_SOURCES:
        signs = 1.0 - 2.0 * ((np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums))) & 1)
        already = 0
    else:
        generator = np.random.Generator(np.random.PCG64(seed))
        signs = generator.integers(0, 2, size=(FLIPS, len(sums))) * 2.0 - 1.0
        already = 1
    # Sums that differ by rounding alone are equal.
    reached = np.abs(signs @ sums) >= abs(sums.sum()) - 1e-12 * np.abs(sums).sum()
    return float((reached.sum() + already) / (len(signs) + already))


def _groups(values: np.ndarray, sources: Sequence[str]) -> np.ndarray:
    if not len(values) or len(values) != len(sources):
        raise ValueError(
            f"{len(values)} pictures and {len(sources)} sources; there must be one a picture, and at least one"
        )
    group: np.ndarray = np.unique(np.asarray(sources), return_inverse=True)[1]
    return group


def _by_source(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    sums = np.zeros((group.max() + 1, values.shape[1]))
    np.add.at(sums, group, values)
    return sums


def _interval(mean: float, means: np.ndarray, n: int) -> Interval:
    if not n:
        return Interval(mean=float("nan"), low=float("nan"), high=float("nan"), n=0)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(mean=float(mean), low=float(low), high=float(high), n=n)
