"""Combinations of dimensions' values: the points of a grid, of an expansion, of a check."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from mqn.errors import ConfigError
from mqn.search.space.dimensions import Dimension, Params, Scalar

MOST_POINTS = 10_000
"""Of a grid, and of what expansion makes of one network."""

Values = Callable[[Dimension], Iterable[Scalar]]


def combinations(dimensions: Sequence[Dimension], begun: Params, values: Values) -> Iterator[Params]:
    """Every point that some dimensions make, with respect to their conditions.

    Args:
        dimensions: every one behind those it depends on.
        begun: values that belong to every point.
        values: gives the values of a dimension; called again for every combination of the dimensions before it.
    """
    if not dimensions:
        yield begun
        return
    dimension, *others = dimensions
    if not dimension.active(begun):
        yield from combinations(others, begun, values)
        return
    for value in values(dimension):
        yield from combinations(others, {**begun, dimension.key: value}, values)


def require_countable(
    dimensions: Sequence[Dimension], points: Sequence[Params], values: Values, *, source: str
) -> None:
    """Make sure that a grid or an expansion can be tried, before any of it is built.

    Raises:
        ConfigError: it has more than `MOST_POINTS` points.
    """
    every = (point for begun in points for point in combinations(dimensions, dict(begun), values))
    if next(itertools.islice(every, MOST_POINTS, None), None) is not None:
        raise ConfigError(f"{source}: has more than {MOST_POINTS} points; take fewer values, or sampler = 'tpe'")
