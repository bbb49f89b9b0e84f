"""Combinations of dimensions' values: every point of a grid, and what expansion makes of one network."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from mqn.errors import ConfigError
from mqn.search.dimensions import Dimension, Scalar
from mqn.search.points import Params

MOST_POINTS = 10_000
"""Of a grid, and of what expansion makes of one network."""


def combinations(
    dimensions: Sequence[Dimension], begun: Params, pinned: Mapping[str, Scalar], free: Collection[str] = ()
) -> Iterator[Params]:
    """Every point that some dimensions make, conditions honoured.

    Args:
        dimensions: every one behind those it depends on.
        begun: values that stand already, and belong to every point.
        pinned: by key, the only value of a dimension.
        free: keys of dimensions that take all their values although one is pinned.
    """
    if not dimensions:
        yield begun
        return
    dimension, *others = dimensions
    if not dimension.active(begun):
        yield from combinations(others, begun, pinned, free)
        return
    held = dimension.key in pinned and dimension.key not in free
    for value in (pinned[dimension.key],) if held else dimension.values() or ():
        yield from combinations(others, {**begun, dimension.key: value}, pinned, free)


def require_countable(
    dimensions: Sequence[Dimension],
    points: Sequence[Params],
    pinned: Mapping[str, Scalar],
    free: Collection[str] = (),
    *,
    source: str,
) -> None:
    """Count what a grid or an expansion would hold, before any of it is built.

    Args:
        dimensions: as for `combinations`.
        points: values that each begin combinations of their own.
        pinned: as for `combinations`.
        free: as for `combinations`.
        source: the file, for the error message.

    Raises:
        ConfigError: more points than anybody could try.
    """
    count = 0
    for point in points:
        for _ in combinations(dimensions, dict(point), pinned, free):
            count += 1
            if count > MOST_POINTS:
                raise ConfigError(
                    f"{source}: has more than {MOST_POINTS} points; take fewer values, or sampler = 'tpe'"
                )
