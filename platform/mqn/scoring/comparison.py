"""One method against another: differences on the same pictures, and what they prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mqn.metrics.intervals import mean_interval, sign_flip_p
from mqn.scoring.ledger import Line

LEVEL = 0.05
"""Below this p-value a difference is called one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A mean difference between two methods.

    Attributes:
        mean: of the first minus the second, over the pictures that both have a figure for.
        low: of its 95 % bootstrap interval over sources.
        high: of the same.
        p: of a two-sided sign-flip permutation test over sources.
        n: pictures.
        sources: that they come from.
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
    """Compare two methods on the pictures that both were judged upon.

    Args:
        first: lines by the picture's index.
        second: the same, of the other method.
        metrics: names that the lines have.
        seed: of the draws.

    Returns:
        A difference a metric; without figures where no picture has both.
    """
    return {name: _difference(first, second, name, seed) for name in metrics}


def _difference(first: Mapping[int, Line], second: Mapping[int, Line], name: str, seed: int) -> Difference:
    values, sources = [], []
    for index in sorted(first.keys() & second.keys()):
        pair = first[index].figures[name], second[index].figures[name]
        if pair[0] is not None and pair[1] is not None:
            values.append(pair[0] - pair[1])
            sources.append(first[index].source)
    if not values:
        return Difference(mean=None, low=None, high=None, p=None, n=0, sources=0)
    differences = np.asarray(values)
    (interval,) = mean_interval(differences[:, None], sources, seed)
    return Difference(
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        p=sign_flip_p(differences, sources, seed),
        n=len(values),
        sources=len(set(sources)),
    )
