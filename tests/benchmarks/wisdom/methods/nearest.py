"""Which row a proposed point stands for: the nearest that was not taken yet, by the same rule for all methods.

Methods propose points of the whole space, and a table has some hundreds of them. Restricting the proposals to rows
would make another optimiser of each method; so each proposes as it does, and learns the true values of the row that it
was given.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from mqn.search.space.dimensions import Dimension, Params


class Rows:
    """The networks of a table as points of a unit cube.

    A range counts by the difference as a share of the range (of its logarithm, where it is drawn so), choices of
    numbers by their ranks, choices of words by whether they differ. The distance is the sum over dimensions.
    """

    def __init__(self, dimensions: Sequence[Dimension], networks: Sequence[Params]) -> None:
        self._dimensions = tuple(dimensions)
        self._cube = np.array([self._place(network) for network in networks])

    def nearest(self, proposed: Mapping[str, Any], taken: Collection[int]) -> int | None:
        """The nearest row that is not taken; None where all are. Of equally near ones the first."""
        distances = np.abs(self._cube - self._place(proposed)).sum(axis=1)
        distances[list(taken)] = math.inf
        best = int(np.argmin(distances))
        return best if math.isfinite(distances[best]) else None

    def _place(self, values: Mapping[str, Any]) -> np.ndarray:
        return np.concatenate([_place(dimension, values[dimension.key]) for dimension in self._dimensions])


def _place(dimension: Dimension, value: Any) -> list[float]:
    if dimension.choices is None:
        low, high = float(dimension.low), float(dimension.high)
        if dimension.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return [(value - low) / (high - low)]
    if all(isinstance(choice, (int, float)) for choice in dimension.choices):
        return [dimension.choices.index(value) / (len(dimension.choices) - 1)]
    return [0.5 * (choice == value) for choice in dimension.choices]  # Two that differ are 1 apart.
