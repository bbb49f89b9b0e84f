"""Points as numbers: mixed and conditional dimensions side by side, each between 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mqn.search.space.dimensions import Dimension, Params, Scalar

Array = NDArray[np.float64]

_MUTATED = 1.5
"""Dimensions that a mutation changes, on average."""
_STRIDE = 0.2
"""Standard deviation of a mutation of a number, as a share of its range."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the points of some dimensions become rows of numbers.

    A number lies between 0 and 1 over its range, in its logarithm where the range is logarithmic. Words become one
    column a choice, such that two different words lie 1 apart. A dimension that depends on others has a column that
    says whether it counts; where it does not, its other columns lie in the middle.

    Attributes:
        dimensions: what is encoded, every one behind those it depends on.
        groups: (d,) for each column the place of its dimension: the columns of one dimension share a length scale.
    """

    dimensions: tuple[Dimension, ...]
    groups: NDArray[np.int64]

    @classmethod
    def of(cls, dimensions: Iterable[Dimension]) -> Encoding:
        """The encoding of those dimensions that have more than one value."""
        kept = tuple(dimension for dimension in dimensions if _varies(dimension))
        groups = [i for i, dimension in enumerate(kept) for _ in range(_columns(dimension))]
        return cls(kept, np.array(groups, dtype=np.int64))

    def encode(self, points: Sequence[Mapping[str, Scalar]]) -> Array:
        """(n, d) numbers of n points. A value outside its range lies outside 0 to 1."""
        blocks = [_encode(dimension, points) for dimension in self.dimensions]
        return np.concatenate(blocks, axis=1) if blocks else np.zeros((len(points), 0))


def is_number(dimension: Dimension) -> bool:
    """Whether the values of a dimension have an order, also where it lists them."""
    choices = dimension.choices
    return choices is None or all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in choices)


def point_at(dimensions: Sequence[Dimension], place: Sequence[float]) -> Params:
    """The point at some place of the unit cube: one coordinate from 0 to 1 for each dimension."""
    point: Params = {}
    for dimension, share in zip(dimensions, place, strict=True):
        if dimension.active(point):
            point[dimension.key] = value_at(dimension, share)
    return point


def value_at(dimension: Dimension, share: float) -> Scalar:
    """The value at a share of a dimension's values or range, from 0 to 1."""
    values = dimension.values()
    if values is not None and not (dimension.log and len(values) > 1):
        return values[min(int(share * len(values)), len(values) - 1)]
    low, high, share = float(dimension.low), float(dimension.high), float(share)
    if isinstance(dimension.low, int):  # whole numbers over a logarithm
        found = math.floor(math.exp(math.log(low - 0.5) + share * (math.log(high + 0.5) - math.log(low - 0.5))) + 0.5)
        return min(max(found, dimension.low), int(dimension.high))
    value = low * (high / low) ** share if dimension.log else low + share * (high - low)
    return min(max(value, low), high)


def mutations(
    dimensions: Sequence[Dimension], point: Mapping[str, Scalar], source: np.random.Generator
) -> Iterator[Params]:
    """Endlessly, neighbours of a point: one or a few values changed, numbers mostly by little."""
    chance = min(1.0, _MUTATED / max(1, len(dimensions)))
    while True:
        forced = int(source.integers(len(dimensions))) if dimensions else -1
        draws = source.random((len(dimensions), 2))
        strides = source.normal(0.0, _STRIDE, len(dimensions))
        near: Params = {}
        for i, dimension in enumerate(dimensions):
            if not dimension.active(near):
                continue
            key = dimension.key
            if key not in point or i == forced or draws[i, 0] < chance:
                near[key] = _moved(dimension, point.get(key), draws[i, 1], strides[i])
            else:
                near[key] = point[key]
        yield near


def _moved(dimension: Dimension, value: Scalar | None, share: float, stride: float) -> Scalar:
    values = dimension.values()
    if value is None or not is_number(dimension):
        return value_at(dimension, share)
    if values is not None and len(values) <= 5:
        others = [other for other in values if other != value] or [value]
        return others[min(int(share * len(others)), len(others) - 1)]
    place = _scaled(dimension, [value])[0] + stride
    place = abs(place) if place < 1 else 2 - place  # mirrored at the ends
    return value_at(dimension, min(max(place, 0.0), 1.0))


def _varies(dimension: Dimension) -> bool:
    values = dimension.values()
    return values is None or len(values) > 1


def _columns(dimension: Dimension) -> int:
    own = 1 if is_number(dimension) else len(dimension.choices or ())
    return own + bool(dimension.when)


def _encode(dimension: Dimension, points: Sequence[Mapping[str, Scalar]]) -> Array:
    active = [i for i, point in enumerate(points) if dimension.key in point]
    if is_number(dimension):
        block = np.full((len(points), 1), 0.5)
        block[active, 0] = _scaled(dimension, [points[i][dimension.key] for i in active])
    else:
        choices = list(dimension.choices or ())
        block = np.full((len(points), len(choices)), math.sqrt(0.5) / len(choices))
        block[active] = 0.0
        for i in active:
            block[i, choices.index(points[i][dimension.key])] = math.sqrt(0.5)
    if dimension.when:
        counts = np.zeros((len(points), 1))
        counts[active] = 1.0
        block = np.concatenate([block, counts], axis=1)
    return block


def _scaled(dimension: Dimension, values: Sequence[Scalar]) -> Array:
    numbers = np.array(values, dtype=np.float64)
    if dimension.choices is not None:
        listed = np.array(dimension.choices, dtype=np.float64)
        low, high = float(listed.min()), float(listed.max())
        log = low > 0 and high / low >= 10
    else:
        low, high, log = float(dimension.low), float(dimension.high), dimension.log
    if log:
        numbers, low, high = np.log(numbers), math.log(low), math.log(high)
    return (numbers - low) / (high - low)
