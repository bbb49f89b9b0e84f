"""Space files: TOML in `search_spaces/`, read and checked into a `Space`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mqn.errors import ConfigError
from mqn.home import shipped
from mqn.networks.fetched import is_url
from mqn.parsing import flatten, from_mapping, read_toml
from mqn.profile_tables.budget import MOST_TRIALS
from mqn.search.space.combinations import MOST_POINTS
from mqn.search.space.conditions import check_expansion, order_dimensions
from mqn.search.space.dimensions import DimensionTable, parse_dimension
from mqn.search.space.ending import TRAINING_TABLES, Confirm, Stall, check_ending
from mqn.search.space.families import base_candidates, bases_of
from mqn.search.space.gate import Gate
from mqn.search.space.goals import Constraint, Objective, Scoring, checked_goals
from mqn.search.space.points import grid_points, starting_points
from mqn.search.space.sampler_names import default_sampler
from mqn.search.space.space import Space
from mqn.search.space.tables.rungs import Rungs
from mqn.search.space.trained import Trained, check_varied, with_checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expansion:
    dimensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    name: str
    description: str = ""
    sampler: str = ""
    trials: int = 1
    objectives: tuple[Objective, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    scoring: Scoring = field(default_factory=Scoring)
    fixed: dict[str, Any] = field(default_factory=dict)
    dimensions: dict[str, DimensionTable] = field(default_factory=dict)
    points: list[dict[str, Any]] = field(default_factory=list)
    start: list[dict[str, Any]] = field(default_factory=list)
    checkpoint: str = ""
    checkpoint_sha256: str = ""
    expansion: _Expansion = field(default_factory=_Expansion)
    gate: Gate | None = None
    stall: Stall | None = None
    confirm: Confirm | None = None
    rungs: Rungs | None = None


def load_space(name: str, checkpoint: str | Path | None = None) -> Space:
    """Read a space.

    Args:
        name: a file's stem in `search_spaces/`, or a path to a .toml file.
        checkpoint: every trial takes this trained network, whatever the file says of networks and trainings.

    Raises:
        UnknownNameError: there is no such space.
        ConfigError: the file is wrong; names file, key path and what is allowed.
        WeightsError: a checkpoint is missing or damaged.
    """
    path, table = _read(name)
    if checkpoint is not None:
        kept = {name: value for name, value in table.items() if name not in TRAINING_TABLES}
        table = with_checkpoint(kept, checkpoint, source=str(path), replace=True)
    elif isinstance(named := table.get("checkpoint"), str) and named:
        given = named if is_url(named) else path.parent / Path(named).expanduser()
        table = with_checkpoint(table, given, source=str(path))
    return parse_space(table, source=str(path))


def space_name(name: str) -> str:
    """The name of a space: its file's stem, or what a path to a .toml file says. Errors are those of `load_space`."""
    return str(_read(name)[1]["name"])


def names_sampler(name: str) -> bool:
    """Whether a space's file names its sampler. Errors are those of `load_space`."""
    return "sampler" in _read(name)[1]


def _read(name: str) -> tuple[Path, dict[str, Any]]:
    path = shipped("search_spaces", name)
    return path, {"name": path.stem, **read_toml(path)}


def parse_space(definition: Mapping[str, Any], *, source: str) -> Space:
    """Check a space that is given as plain tables.

    Raises:
        ConfigError: it is wrong; names source, key path and what is allowed.
    """
    raw = from_mapping(_File, definition, source=source)
    _check_counts(raw, source)
    objectives, constraints = checked_goals(raw.objectives, raw.constraints, raw.scoring, source=source)
    trained = Trained(checkpoint=raw.checkpoint, sha256=raw.checkpoint_sha256) if raw.checkpoint else None
    check_ending(raw.stall, raw.confirm, trained, source=source)
    check_varied(trained, [*raw.dimensions, *(key for point in raw.points for key in flatten(point))], source=source)
    fixed = flatten(raw.fixed)
    bases = base_candidates(fixed, raw.dimensions, source=source)
    base = next(iter(bases.values()))
    for key in raw.dimensions:
        if key in fixed:
            raise ConfigError(f"{source}: {key} is both fixed and a dimension; keep one of them")
    dimensions = [
        parse_dimension(key, table, bases_of(key, raw.dimensions, bases, source=source)[0], source=source)
        for key, table in raw.dimensions.items()
    ]
    ordered = order_dimensions(dimensions, source=source)
    check_expansion(raw.expansion.dimensions, ordered, source=source)
    space = Space(
        name=raw.name,
        description=raw.description,
        sampler=raw.sampler or default_sampler(objectives, constraints),
        trials=raw.trials,
        objectives=objectives,
        constraints=constraints,
        scoring=raw.scoring,
        bases=bases,
        dimensions=ordered,
        points=grid_points(raw.points, tuple(raw.dimensions), base, source=source),
        start=starting_points(raw.start, ordered, base, source=source),
        expansion=raw.expansion.dimensions,
        trained=trained,
        gate_table=raw.gate,
        source=source,
        stall=raw.stall,
        confirm=raw.confirm,
        rungs_table=raw.rungs,
    )
    space.check()
    return space


def _check_counts(raw: _File, source: str) -> None:
    if not 1 <= raw.trials <= MOST_TRIALS:
        raise ConfigError(f"{source}: trials {raw.trials} must be at least 1 and at most {MOST_TRIALS}")
    for name, tables in (("points", raw.points), ("start", raw.start)):
        if len(tables) > MOST_POINTS:
            raise ConfigError(f"{source}: {name} lists {len(tables)} settings; at most {MOST_POINTS}")
