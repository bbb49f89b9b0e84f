"""Conditions of dimensions on each other, and which dimensions may be expanded."""

from __future__ import annotations

from collections.abc import Sequence

from mqn.errors import ConfigError, nearest
from mqn.search.space.dimensions import Dimension

_SHOWN_VALUES = 100


def order_dimensions(dimensions: Sequence[Dimension], *, source: str) -> tuple[Dimension, ...]:
    """Sort dimensions such that each comes behind those that its condition names.

    Raises:
        ConfigError: a condition on an unknown dimension or value, or conditions that go in a circle.
    """
    by_key = {dimension.key: dimension for dimension in dimensions}
    for dimension in dimensions:
        place = f'{source}: dimensions."{dimension.key}".when'
        for key, allowed in dimension.when.items():
            if key not in by_key:
                raise ConfigError(f"{place}: no dimension {key!r}; {nearest(key, by_key)}")
            if not allowed:
                raise ConfigError(f'{place}."{key}" is empty; list the values with which {dimension.key} counts')
            for value in allowed:
                if not by_key[key].allows(value):
                    some = (by_key[key].values() or (by_key[key].low, by_key[key].high))[:_SHOWN_VALUES]
                    known = map(str, some)
                    raise ConfigError(f'{place}."{key}": {value!r} is no value of it; {nearest(str(value), known)}')
    ordered: dict[str, Dimension] = {}
    waiting = list(dimensions)
    while waiting:
        ready = [dimension for dimension in waiting if all(key in ordered for key in dimension.when)]
        if not ready:
            circle = ", ".join(dimension.key for dimension in waiting)
            raise ConfigError(f"{source}: the conditions of {circle} depend on each other in a circle")
        ordered[ready[0].key] = ready[0]
        waiting.remove(ready[0])
    return tuple(ordered.values())


def check_expansion(keys: Sequence[str], dimensions: Sequence[Dimension], *, source: str) -> None:
    """Make sure that the expanded dimensions can be enumerated with all others held.

    Raises:
        ConfigError: an unknown dimension, one without a list of values, or one on which another dimension hangs.
    """
    by_key = {dimension.key: dimension for dimension in dimensions}
    for key in keys:
        place = f"{source}: expansion.dimensions: {key}"
        if key not in by_key:
            raise ConfigError(f"{place} is no dimension; {nearest(key, by_key)}")
        if by_key[key].values() is None:
            raise ConfigError(f"{place} has no list of values; give it choices or a step")
        for other in dimensions:
            if other.key not in keys and key in other.when:
                raise ConfigError(f"{place}: {other.key} depends on it, so it must be expanded too")
