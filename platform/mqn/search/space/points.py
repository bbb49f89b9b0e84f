"""Points that a space lists: the rows of a grid, and the points that a study begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mqn.errors import ConfigError, nearest
from mqn.parsing import flatten
from mqn.records import Candidate
from mqn.search.space.dimensions import Dimension, Params


def grid_points(
    tables: Sequence[Mapping[str, Any]], dimensions: Sequence[str], base: Candidate, *, source: str
) -> tuple[Params, ...]:
    """Read the `[[points]]` of a grid: settings that vary together.

    Returns:
        One a table, each with the same keys; the base fills what a table leaves out.

    Raises:
        ConfigError: a key that is a dimension too, or a value that cannot be varied.
    """
    flat = [flatten(table) for table in tables]
    keys = list(dict.fromkeys(key for point in flat for key in point))
    if "arch.family" in keys:
        raise ConfigError(f"{source}: arch.family cannot stand in points; make it a dimension")
    for key in keys:
        if key in dimensions:
            raise ConfigError(f"{source}: {key} stands in points and in dimensions; keep one of them")
    points = []
    for i, point in enumerate(flat):
        values = base.with_values(point, source=f"{source}: points[{i}]").flat()
        if any(not isinstance(values[key], (str, int, float, bool)) for key in keys):
            raise ConfigError(f"{source}: points[{i}]: only keys with numbers or strings can be varied")
        points.append({key: values[key] for key in keys})
    return tuple(points)


def starting_points(
    tables: Sequence[Mapping[str, Any]], dimensions: Sequence[Dimension], base: Candidate, *, source: str
) -> tuple[Params, ...]:
    """Read the `[[start]]` tables: candidates that a new study tries before the sampler draws any.

    Returns:
        One a table, with a value for every dimension that counts there.

    Raises:
        ConfigError: a key that is no dimension or does not count there, one that is missing, a value outside its
            dimension, or the same point twice; names what is allowed.
    """
    points: list[Params] = []
    for i, table in enumerate(tables):
        place, flat = f"{source}: start[{i}]", flatten(table)
        for key in flat:
            if key not in {dimension.key for dimension in dimensions}:
                known = [dimension.key for dimension in dimensions]
                raise ConfigError(f"{place}: {key} is no dimension of the space; {nearest(key, known)}")
        point = _starting_point(base.with_values(flat, source=place).flat(), flat, dimensions, place)
        if point in points:
            raise ConfigError(f"{place} is start[{points.index(point)}] again; keep one of them")
        points.append(point)
    return tuple(points)


def _starting_point(
    values: Mapping[str, Any], given: Mapping[str, Any], dimensions: Sequence[Dimension], place: str
) -> Params:
    point: Params = {}
    for dimension in dimensions:
        key = dimension.key
        if not dimension.active(point):
            if key in given:
                when = " and ".join(f"{other} = {point.get(other)!r}" for other in dimension.when)
                raise ConfigError(f"{place}: {key} does not count with {when}; leave it out")
        elif key not in given:
            raise ConfigError(f"{place}: {key} is missing; {_allowed(dimension, None)}")
        elif not dimension.allows(values[key]):
            raise ConfigError(f"{place}: {key} = {values[key]!r} lies outside the space; {_allowed(dimension, given)}")
        else:
            point[key] = values[key]
    return point


def _allowed(dimension: Dimension, given: Mapping[str, Any] | None) -> str:
    """What a dimension allows, and its nearest value to a given one."""
    if dimension.choices is not None:
        wanted = "" if given is None else str(given[dimension.key])
        return nearest(wanted, map(repr, dimension.choices))
    low, high = dimension.low, dimension.high
    span = f"allowed: {low:g} to {high:g}" + (f" in steps of {dimension.step:g}" if dimension.step else "")
    if given is None:
        return span
    value = float(given[dimension.key])
    near = min(max(value, low), high)
    if dimension.step:
        near = low + round((near - low) / dimension.step) * dimension.step
    return f"{span}, the nearest is {near:g}"
