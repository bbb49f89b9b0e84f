"""Settings of the command line: what becomes of a space when some of its candidate's keys are fixed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.errors import ConfigError
from mqn.local_names import require_local
from mqn.records import NAMED_FILES
from mqn.search.trained import check_varied

if TYPE_CHECKING:
    from mqn.search.space import Space

_FILE_KEYS = ("arch.encoder_weights", "training.feature_weights", "training.response_curves")


def overridden(space: Space, overrides: Mapping[str, Any], *, source: str) -> dict[str, Any]:
    """A space's definition with some keys fixed to given values; a dimension among them is searched no more.

    Args:
        space: the space.
        overrides: by the candidate's dotted keys.
        source: where they come from, for error messages.

    Raises:
        ConfigError: an unknown key, a value that the candidate refuses, or a key that the grid's points vary.
    """
    values = dict(overrides)
    for key in _FILE_KEYS:  # Workers run in other folders.
        if isinstance(values.get(key), str) and values[key] not in NAMED_FILES:
            require_local(values[key], f"{source}: {key} = ")
            values[key] = str(Path(values[key]).expanduser().absolute())
    check_varied(space.trained, values, source=source)
    clash = sorted(set(values) & set(space.points[0] if space.points else ()))
    if clash:
        raise ConfigError(f"{source}: {clash[0]} is what the points of {space.source} vary; leave it out")
    typed = space.base.with_values(values, source=source).flat()
    definition = dict(space.definition)
    definition["fixed"] = {**definition["fixed"], **{key: typed[key] for key in values}}
    definition["dimensions"] = {}
    for dimension in space.dimensions:
        # A condition on a key that is searched no more is decided: by its value, or because it never counts.
        decided = {key for key in dimension.when if key not in definition["dimensions"]}
        failed = any(key not in values or typed[key] not in dimension.when[key] for key in decided)
        if dimension.key in values or failed:
            definition["fixed"].setdefault(dimension.key, typed[dimension.key])
            continue
        table = dimension.plain()
        when = {key: allowed for key, allowed in table.pop("when", {}).items() if key not in decided}
        definition["dimensions"][dimension.key] = {**table, **({"when": when} if when else {})}
    kept = [key for key in space.expansion if key in definition["dimensions"]]
    agreeing = [point for point in space.start if all(typed[key] == point.get(key, typed[key]) for key in values)]
    definition["start"] = [
        {key: value for key, value in point.items() if key in definition["dimensions"]} for point in agreeing
    ]
    return {**definition, "expansion": {"dimensions": kept}}
