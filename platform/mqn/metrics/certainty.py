"""How far a mean over pictures and seeds may be off: Student's t over sources and over seeds.

The bootstrap of `mqn.metrics.intervals` asks for many sources. A trial of a search is judged on few, and a network is
trained with few seeds, so the spread is estimated here and the t distribution allows for how few there were.

A figure varies for two reasons, which are told apart and added: other sources would have been other pictures, and
another seed would have been another training. With `S` sources the variance of a mean over `P` pictures is
`S / (S - 1) * sum(e_s^2) / P^2`, where `e_s` is the sum of a source's deviations from the mean: for sources with
equally many pictures that is the usual variance of a mean of `S` values. With `R` seeds it is the variance of the
seeds' means, divided by `R`. The degrees of freedom of the sum are Welch and Satterthwaite's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mqn.metrics.intervals import CONFIDENCE
from mqn.records import Interval


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """What a network scored by one measure, on every picture and with every seed.

    Attributes:
        values: (R, P), a row a seed and a column a picture; NaN where the measure does not apply to a picture.
        sources: P names of what the pictures were taken from.
        trainings: R keys, of trainings or of their seeds. Two networks with the same keys are compared seed by seed.
        pictures: hash of the pictures. What was judged on other pictures cannot be compared.
    """

    values: NDArray[np.float64]
    sources: tuple[str, ...]
    trainings: tuple[str, ...]
    pictures: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One reason why a mean may be off: its variance, and the degrees of freedom of that estimate."""

    variance: float
    freedom: int


def mean_of(sample: Sample) -> Interval | None:
    """The mean over pictures and seeds, with its 95 % interval over sources, and over seeds where there are several.

    Returns:
        None where fewer than two sources are left: nothing tells how another one would have come out.
    """
    return _interval(sample.values, sample.sources, [sample.values])


def difference(first: Sample, second: Sample) -> Interval | None:
    """The mean of the first minus that of the second, paired by picture, with its 95 % interval.

    What makes a picture hard is hard for both, and drops out. Chance of the training enters for each side that has
    several seeds; two networks of the same trainings are paired by seed too.

    Returns:
        None where they were judged on different pictures, or on fewer than two sources.
    """
    if first.pictures != second.pictures or first.sources != second.sources:
        return None
    apart = first.values.mean(axis=0) - second.values.mean(axis=0)
    order = {key: row for row, key in enumerate(second.trainings)}
    if len(order) == len(second.trainings) and sorted(order) == sorted(first.trainings):
        rows = first.values - second.values[[order[key] for key in first.trainings]]
        return _interval(apart[None], first.sources, [rows])
    return _interval(apart[None], first.sources, [first.values, second.values])


def over_sources(values: NDArray[np.float64], sources: Sequence[str]) -> Part | None:
    """How far a mean may be off because the pictures are of these sources.

    Args:
        values: (P,) without NaN.
        sources: P names.

    Returns:
        None with fewer than two sources.
    """
    group = np.unique(np.asarray(sources), return_inverse=True)[1]
    count = int(group.max()) + 1 if len(values) else 0
    if count < 2:
        return None
    deviations = np.bincount(group, weights=values - values.mean())
    variance = count / (count - 1) * float((deviations**2).sum()) / len(values) ** 2
    return Part(variance=variance, freedom=count - 1)


def over_seeds(means: NDArray[np.float64]) -> Part | None:
    """How far a mean may be off because the trainings have these seeds; `means` are (R,). None with one seed."""
    if len(means) < 2:
        return None
    return Part(variance=float(means.var(ddof=1)) / len(means), freedom=len(means) - 1)


def t_interval(mean: float, parts: Sequence[Part], n: int | None = None) -> Interval:
    """A mean with its 95 % interval, where these parts add up; `n` is how many values it is of."""
    from scipy.stats import t

    total = sum(part.variance for part in parts)
    if total == 0:
        return Interval(mean=mean, low=mean, high=mean, n=n)
    freedom = total**2 / sum(part.variance**2 / part.freedom for part in parts)
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(total)
    return Interval(mean=mean, low=mean - half, high=mean + half, n=n)


def _interval(
    values: NDArray[np.float64], sources: Sequence[str], trained: Sequence[NDArray[np.float64]]
) -> Interval | None:
    """The interval of a mean of (R, P) values; `trained` are tables whose rows are seeds."""
    known = ~np.isnan(values).any(axis=0)
    column = values[:, known].mean(axis=0)
    first = over_sources(column, np.asarray(sources)[known].tolist())
    if first is None:
        return None
    parts = [part for table in trained if (part := over_seeds(table[:, known].mean(axis=1))) is not None]
    return t_interval(float(column.mean()), [first, *parts], n=int(known.sum()))
