"""Spaces: what a study varies, what it optimises, and what it must keep. TOML files in `search_spaces/`."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mqn.errors import ConfigError
from mqn.home import shipped
from mqn.local_names import require_local
from mqn.parsing import content_hash, flatten, from_mapping, read_toml
from mqn.profile import MOST_TRIALS
from mqn.quantities import Direction, quantity, split_target
from mqn.records import Candidate
from mqn.search.changes import essence
from mqn.search.combinations import MOST_POINTS, combinations, require_countable
from mqn.search.conditions import check_expansion, order_dimensions
from mqn.search.dimensions import Dimension, DimensionTable, Scalar, parse_dimension
from mqn.search.goals import Constraint, Objective, Scoring, check_goals, check_scoring, expand_targets
from mqn.search.overriding import overridden
from mqn.search.points import Params, grid_points, starting_points
from mqn.search.trained import Trained, check_varied, with_checkpoint
from mqn.search.tuning import check_tuning

if TYPE_CHECKING:
    import optuna

Sampler = Literal["tpe", "nsga2", "random", "grid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expansion:
    dimensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    name: str
    description: str = ""
    sampler: Sampler = "tpe"
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


@dataclass(frozen=True, kw_only=True)
class Space:
    """A checked space.

    Attributes:
        name: what it is called; a study's name unless another is given.
        description: one line for people.
        sampler: how candidates are drawn; `grid` takes every point once.
        trials: how many trials a study has unless told otherwise; a grid has its own number of points.
        objectives: what is optimised, with every direction filled in.
        constraints: what must be kept.
        scoring: how accuracy is judged.
        base: the candidate that dimensions and points vary.
        dimensions: what is varied, every one behind those it depends on.
        points: grids only: explicit settings that vary together, each with the same keys.
        start: points that a new study tries before the sampler draws any.
        expansion: keys of the dimensions whose other values are tried with every network that was drawn.
        trained: the checkpoint that every trial takes instead of training; None: every network is trained.
        source: the file, for error messages.
    """

    name: str
    description: str
    sampler: Sampler
    trials: int
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]
    scoring: Scoring
    base: Candidate
    dimensions: tuple[Dimension, ...]
    points: tuple[Params, ...]
    start: tuple[Params, ...]
    expansion: tuple[str, ...]
    trained: Trained | None
    source: str

    @property
    def directions(self) -> list[Direction]:
        """Of the objectives, in their order."""
        return [objective.direction or quantity(objective.metric).direction for objective in self.objectives]

    @functools.cached_property
    def definition(self) -> dict[str, Any]:
        """The whole space as plain tables, such that `parse_space` gives it back."""
        pairs = zip(self.objectives, self.directions, strict=True)
        bounds = [{"metric": c.metric, "max": c.max, "min": c.min} for c in self.constraints]
        return {
            "name": self.name,
            "description": self.description,
            "sampler": self.sampler,
            "trials": self.trials,
            "objectives": [{"metric": objective.metric, "direction": direction} for objective, direction in pairs],
            "constraints": [{k: v for k, v in bound.items() if v is not None} for bound in bounds],
            "scoring": {"metrics": list(self.scoring.metrics), "inputs": self.scoring.inputs},
            "fixed": {key: value for key, value in self.base.flat().items() if key not in self.keys},
            "dimensions": {dimension.key: dimension.plain() for dimension in self.dimensions},
            "points": [dict(point) for point in self.points],
            "expansion": {"dimensions": list(self.expansion)},
            # Left out where they say nothing, as older studies have them.
            **({"start": [dict(point) for point in self.start]} if self.start else {}),
            **(self.trained.plain() if self.trained else {}),
        }

    @property
    def names_targets(self) -> bool:
        """Whether a goal is about one target alone: `latency_ms/board`."""
        metrics = [*(goal.metric for goal in self.objectives), *(bound.metric for bound in self.constraints)]
        return any(split_target(metric)[1] is not None for metric in metrics)

    @property
    def hash(self) -> str:
        """SHA-256 of everything that makes two studies comparable (`mqn.search.changes`)."""
        return content_hash(essence(self.definition))

    @property
    def keys(self) -> list[str]:
        """The candidate's keys that vary."""
        return [dimension.key for dimension in self.dimensions] + list(self.points[0] if self.points else ())

    def suggest(self, trial: optuna.Trial) -> Candidate:
        """Draw a candidate for a trial, or read the one that the trial already stands for."""
        if self.sampler == "nsga2":
            # It counts a trial into its generation only when this is asked for, which a wholly fixed trial never does.
            _ = trial.relative_params
        return self.candidate(self.draw(trial))

    def draw(self, trial: optuna.Trial) -> Params:
        """The values of a trial, for every dimension that counts with those before it."""
        params: Params = {}
        for key in self.points[0] if self.points else ():
            params[key] = trial.suggest_categorical(key, list(dict.fromkeys(point[key] for point in self.points)))
        for dimension in self.dimensions:
            if dimension.active(params):
                params[dimension.key] = dimension.suggest(trial)
        return params

    def candidate(self, params: Mapping[str, Any]) -> Candidate:
        """The candidate that some values stand for; keys that are not given keep the fixed value."""
        return self.base.with_values(params, source=self.source)

    def label(self, candidate: Candidate) -> str:
        """What a candidate is called: what the space varies is shown, and what is not as the space has it."""
        ours, base = candidate.flat(), self.base.flat()
        return candidate.label_with([*self.keys, *(key for key in ours if ours[key] != base[key])])

    def grid(self) -> list[Params]:
        """Every point of a grid, conditions honoured, trials of one network side by side."""
        if self.sampler != "grid":
            return []
        networks: dict[str, list[Params]] = {}
        for point in dict.fromkeys(tuple(point.items()) for point in self.points) or ((),):
            for params in combinations(self.dimensions, dict(point), {}, self.expansion):
                candidate = self.candidate(params)
                networks.setdefault(content_hash((candidate.arch, candidate.training)), []).append(params)
        return [params for group in networks.values() for params in group]

    def siblings(self, params: Mapping[str, Scalar]) -> list[Params]:
        """The other points that expansion adds beside one: every other combination of the expanded dimensions."""
        if not self.expansion:
            return []
        every = combinations(self.dimensions, {}, params, self.expansion)
        return [point for point in every if point != dict(params)]

    def with_overrides(self, overrides: Mapping[str, Any], *, source: str = "--set") -> Space:
        """The space with some keys fixed to given values; a dimension among them is searched no more.

        Args:
            overrides: by the candidate's dotted keys.
            source: where they come from, for error messages.

        Raises:
            ConfigError: an unknown key, a value that the candidate refuses, or a key that the grid's points vary.
        """
        return parse_space(overridden(self, overrides, source=source), source=self.source)

    def with_targets(self, targets: Sequence[str]) -> Space:
        """The space as it is searched on some targets: with several, each has its own latency and memory goals.

        Raises:
            ConfigError: a goal on a target that is not among them.
        """
        objectives, constraints = expand_targets(self.objectives, self.constraints, targets, source=self.source)
        return dataclasses.replace(self, objectives=objectives, constraints=constraints)


def load_space(name: str, checkpoint: Path | None = None) -> Space:
    """Read a space.

    Args:
        name: a file's stem in `search_spaces/`, or a path to a .toml file.
        checkpoint: every trial takes this trained network, whatever network and training the file fixes.

    Raises:
        UnknownNameError: there is no such space.
        ConfigError: the file is wrong; names file, key path and what is allowed.
        WeightsError: a checkpoint is missing or damaged.
    """
    path = shipped("search_spaces", name)
    table = {"name": path.stem, **read_toml(path)}
    require_local(checkpoint or "", "--checkpoint ")
    if checkpoint is not None:
        table = with_checkpoint(table, checkpoint, source=str(path), replace=True)
    elif isinstance(named := table.get("checkpoint"), str) and named:
        require_local(named, f"{path}: checkpoint = ")
        table = with_checkpoint(table, path.parent / Path(named).expanduser(), source=str(path))
    return parse_space(table, source=str(path))


def parse_space(definition: Mapping[str, Any], *, source: str) -> Space:
    """Check a space given as plain tables.

    Raises:
        ConfigError: names the source, the key path and what is allowed.
    """
    raw = from_mapping(_File, definition, source=source)
    _check_counts(raw, source)
    check_goals(raw.objectives, raw.constraints, source=source)
    check_scoring(raw.scoring, raw.objectives, raw.constraints, source=source)
    trained = Trained(checkpoint=raw.checkpoint, sha256=raw.checkpoint_sha256) if raw.checkpoint else None
    check_varied(trained, [*raw.dimensions, *(key for point in raw.points for key in flatten(point))], source=source)
    fixed = flatten(raw.fixed)
    base = Candidate().with_values(fixed, source=f"{source}: fixed")
    for key in raw.dimensions:
        if key in fixed:
            raise ConfigError(f"{source}: {key} is both fixed and a dimension; keep one of them")
    dimensions = [parse_dimension(key, table, base, source=source) for key, table in raw.dimensions.items()]
    ordered = order_dimensions(dimensions, source=source)
    check_expansion(raw.expansion.dimensions, ordered, source=source)
    space = Space(
        name=raw.name,
        description=raw.description,
        sampler=raw.sampler,
        trials=raw.trials,
        objectives=raw.objectives,
        constraints=raw.constraints,
        scoring=raw.scoring,
        base=base,
        dimensions=ordered,
        points=grid_points(raw.points, tuple(raw.dimensions), base, source=source),
        start=starting_points(raw.start, ordered, base, source=source),
        expansion=raw.expansion.dimensions,
        trained=trained,
        source=source,
    )
    _check_points(space)
    return space


def _check_counts(raw: _File, source: str) -> None:
    if not 1 <= raw.trials <= MOST_TRIALS:
        raise ConfigError(f"{source}: trials {raw.trials} must be at least 1 and at most {MOST_TRIALS}")
    for name, tables in (("points", raw.points), ("start", raw.start)):
        if len(tables) > MOST_POINTS:
            raise ConfigError(f"{source}: {name} lists {len(tables)} settings; at most {MOST_POINTS}")


def _check_points(space: Space) -> None:
    if space.points and space.sampler != "grid":
        raise ConfigError(f"{space.source}: points need sampler = 'grid', not {space.sampler!r}")
    check_tuning(space.dimensions, space.points, space.base, source=space.source)
    if space.sampler == "grid":
        for dimension in space.dimensions:
            if dimension.values() is None:
                raise ConfigError(f'{space.source}: dimensions."{dimension.key}": a grid needs choices or a step')
        if space.expansion:
            raise ConfigError(f"{space.source}: a grid holds every combination by itself; leave [expansion] out")
        if space.start:
            raise ConfigError(f"{space.source}: a grid takes every point anyway; leave [[start]] out")
        require_countable(space.dimensions, space.points or ({},), {}, (), source=space.source)
        space.grid()  # Every point must be a candidate.
    elif space.expansion:
        others = {d.key: (d.values() or (d.low,))[0] for d in space.dimensions if d.key not in space.expansion}
        require_countable(space.dimensions, ({},), others, space.expansion, source=space.source)
