"""Spaces over several families: the base candidate of each family, and the dimensions that belong to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mqn.errors import ConfigError, nearest
from mqn.families import DEFAULT_FAMILY
from mqn.records import Candidate
from mqn.search.space.dimensions import Dimension, DimensionTable

FAMILY = "arch.family"


def base_candidates(
    fixed: Mapping[str, Any], dimensions: Mapping[str, DimensionTable], *, source: str
) -> dict[str, Candidate]:
    """The candidate that dimensions vary, by family. A fixed network's field counts for the families that have it.

    Raises:
        ConfigError: a value that a candidate refuses, or a field that none of the families has.
    """
    searched = dimensions.get(FAMILY)
    names = [name for name in searched.choices or () if isinstance(name, str)] if searched else []
    bases, unknown = {}, dict.fromkeys(key for key in fixed if key.startswith("arch."))
    for name in names or [fixed.get(FAMILY, DEFAULT_FAMILY)]:
        start = Candidate().with_values({FAMILY: name}, source=f"{source}: fixed")
        theirs = set() if len(names) < 2 else {key for key in fixed if key.startswith("arch.")} - start.flat().keys()
        own = {key: value for key, value in fixed.items() if key not in theirs}
        bases[name] = start.with_values(own, source=f"{source}: fixed")
        unknown = {key: None for key in unknown if key not in own}
    if unknown:
        known = {key for base in bases.values() for key in base.flat() if key.startswith("arch.")}
        key = next(iter(unknown))
        raise ConfigError(f"{source}: fixed.{key}: no family of {', '.join(bases)} has it; {nearest(key, known)}")
    return bases


def fixed_values(bases: Mapping[str, Candidate], varied: Collection[str]) -> dict[str, Any]:
    """The fixed values from which `base_candidates` makes the same candidates."""
    flats = [base.flat() for base in bases.values()]
    found = {}
    for key in dict.fromkeys(key for flat in flats for key in flat):
        values = [flat[key] for flat in flats if key in flat]
        # Where the defaults of families differ, nothing was fixed. A record without a family is of the default one.
        if (
            key not in varied
            and all(value == values[0] for value in values)
            and (key, values[0]) != (FAMILY, DEFAULT_FAMILY)
        ):
            found[key] = values[0]
    return found


def bases_of(
    key: str,
    dimensions: Mapping[str, Dimension] | Mapping[str, DimensionTable],
    bases: Mapping[str, Candidate],
    *,
    source: str,
) -> list[Candidate]:
    """Find the candidates that a dimension may vary, by its own condition and by those that it depends on.

    Raises:
        ConfigError: one of their families has no such field.
    """
    names, waiting, seen = set(bases), [key], set()
    while waiting:
        current = waiting.pop()
        if current in dimensions and current not in seen:
            seen.add(current)
            when = dimensions[current].when
            names &= set(when.get(FAMILY, bases))
            waiting += when
    found = {name: base for name, base in bases.items() if name in names} or dict(bases)
    for name, base in found.items():
        if key not in (fields := base.flat()):
            those = [other for other, candidate in bases.items() if key in candidate.flat()]
            listed = ", ".join(f'"{other}"' for other in those)
            advice = f'add when = {{ "{FAMILY}" = [{listed}] }}' if those else nearest(key, fields)
            raise ConfigError(f'{source}: dimensions."{key}": no such key in a candidate of family {name!r}; {advice}')
    return list(found.values())
