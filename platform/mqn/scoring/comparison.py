"""Compares two methods on the same pictures: mean differences, their intervals and p-values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mqn.metrics.intervals import mean_interval, sign_flip_p
from mqn.scoring.judging.ledger import Line

LEVEL = 0.05
"""A difference counts as one below this p-value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A mean difference, the first method minus the second, with its 95 % bootstrap interval over sources.

    All figures are None if no picture has a figure of both methods.

    Attributes:
        p: p-value of a two-sided sign-flip permutation test over sources.
        n: how many pictures have a figure of both methods.
        sources: how many sources these pictures come from.
    """

    mean: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    sources: int


def compare(
    first: Mapping[int, Line], second: Mapping[int, Line], metrics: Sequence[str], seed: int = 0
) -> dict[str, Difference]:
    """Compare two methods, measure by measure, on the pictures that both have.

    `first` and `second` are the methods' lines by the picture's index.
    """
    both = sorted(first.keys() & second.keys())
    sources = [first[index].source for index in both]

    def figures(lines: Mapping[int, Line], name: str) -> list[float | None]:
        return [lines[index].figures[name] for index in both]

    return {name: difference(figures(first, name), figures(second, name), sources, seed) for name in metrics}


def difference(
    first: Sequence[float | None], second: Sequence[float | None], sources: Sequence[str], seed: int = 0
) -> Difference:
    """Compare two methods by one measure.

    `first` and `second` hold a figure for each picture, in the same order; None where the measure does not apply.
    `sources` are the pictures' sources.
    """
    known = [
        (one - other, source)
        for one, other, source in zip(first, second, sources, strict=True)
        if one is not None and other is not None
    ]
    if not known:
        return Difference(mean=None, low=None, high=None, p=None, n=0, sources=0)
    values, kept = zip(*known, strict=True)
    differences = np.asarray(values)
    (interval,) = mean_interval(differences[:, None], kept, seed)
    return Difference(
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        p=sign_flip_p(differences, kept, seed),
        n=len(known),
        sources=len(set(kept)),
    )
