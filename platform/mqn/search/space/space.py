"""A space: what a study varies, what it optimises, and what it must keep."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.errors import ConfigError
from mqn.files.local_names import require_local
from mqn.networks.fetched import is_url
from mqn.parsing import content_hash, flatten, to_plain
from mqn.quantities import Direction
from mqn.records import NAMED_FILES, Candidate
from mqn.search.space.combinations import combinations, require_countable
from mqn.search.space.dimensions import Dimension, Params, Scalar
from mqn.search.space.ending import Confirm, Stall
from mqn.search.space.families import FAMILY, bases_of, fixed_values
from mqn.search.space.fine_tuning import check_tuning
from mqn.search.space.gate import Gate, check_gate
from mqn.search.space.goals import Constraint, Objective, Scoring, expand_targets
from mqn.search.space.sampler_names import check_name
from mqn.search.space.tables.rungs import Rungs, check_rungs
from mqn.search.space.trained import Trained, check_varied

if TYPE_CHECKING:
    import optuna

_NOT_COMPARED = ("name", "description", "trials", "start", "stall", "confirm")
_FILE_KEYS = ("training.feature_weights", "training.response_curves")


@dataclass(frozen=True, kw_only=True)
class Space:
    """A checked space.

    Attributes:
        name: what it is called; a study's name unless another is given.
        description: one line for people.
        sampler: what draws points (`mqn.search.space.sampler_names`); `grid` takes every point once.
        trials: how many trials a study has unless told otherwise; a grid has its own number of points.
        objectives: what is optimised.
        constraints: what must be kept.
        scoring: how accuracy is judged.
        bases: by family, the candidate that dimensions and points vary.
        dimensions: what is varied, every one behind those it depends on.
        points: grids only: explicit settings that vary together, each with the same keys.
        start: points that a new study tries before the sampler draws any.
        expansion: keys of the dimensions whose other values are tried with every network that was drawn.
        trained: the checkpoint that every trial takes instead of training; None: every network is trained.
        gate_table: what is measured before a network is trained, as the file says; None: it says nothing.
        source: the file, for error messages.
        stall: when a study ends because its front has stalled; None: never.
        confirm: how the front is confirmed when the search is over; None: it is not.
        rungs_table: where trainings may be stopped, as the file says; None: it says nothing.
    """

    name: str
    description: str
    sampler: str
    trials: int
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]
    scoring: Scoring
    bases: Mapping[str, Candidate]
    dimensions: tuple[Dimension, ...]
    points: tuple[Params, ...]
    start: tuple[Params, ...]
    expansion: tuple[str, ...]
    trained: Trained | None
    source: str
    gate_table: Gate | None = None
    stall: Stall | None = None
    confirm: Confirm | None = None
    rungs_table: Rungs | None = None

    @property
    def base(self) -> Candidate:
        """The candidate that dimensions and points vary; of several families the first one's."""
        return next(iter(self.bases.values()))

    @property
    def directions(self) -> list[Direction]:
        """Of the objectives, in their order."""
        return [objective.settled for objective in self.objectives]

    @property
    def gate(self) -> Gate | None:
        """The gate that trials pass before they are trained; None: there is none, or nothing is trained.

        The sampler `frontier` learns from what the gate measures: there it is on without a table, and nothing is hard.
        """
        usual = Gate() if self.sampler == "frontier" else None
        return None if self.trained else self.gate_table or usual

    @property
    def rungs(self) -> Rungs | None:
        """Where trainings may be stopped; None: they are not, or nothing is trained."""
        return None if self.trained else self.rungs_table

    @functools.cached_property
    def definition(self) -> dict[str, Any]:
        """The whole space as plain tables, such that `mqn.search.space.space_file.parse_space` gives it back."""
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
            "fixed": fixed_values(self.bases, self.keys),
            "dimensions": {dimension.key: dimension.plain() for dimension in self.dimensions},
            "points": [dict(point) for point in self.points],
            "expansion": {"dimensions": list(self.expansion)},
            # Left out where empty, as in older studies.
            **({"start": [dict(point) for point in self.start]} if self.start else {}),
            **(self.trained.plain() if self.trained else {}),
            **({"gate": self.gate_table.plain} if self.gate_table else {}),
            **({"stall": to_plain(self.stall)} if self.stall else {}),
            **({"confirm": to_plain(self.confirm)} if self.confirm else {}),
            **({"rungs": to_plain(self.rungs_table)} if self.rungs_table else {}),
        }

    @functools.cached_property
    def _point_choices(self) -> dict[str, list[Scalar]]:
        """For each key of a grid's points, its values."""
        keys = tuple(self.points[0]) if self.points else ()
        return {key: list(dict.fromkeys(point[key] for point in self.points)) for key in keys}

    @property
    def hash(self) -> str:
        """SHA-256 of everything that makes two studies comparable."""
        return content_hash(_essence(self.definition))

    @property
    def keys(self) -> list[str]:
        """The candidate's keys that vary."""
        return [dimension.key for dimension in self.dimensions] + list(self.points[0] if self.points else ())

    def draw(self, trial: optuna.Trial) -> Params:
        """The values of a trial, for every dimension that counts with those before it."""
        params: Params = {}
        for key, choices in self._point_choices.items():
            params[key] = trial.suggest_categorical(key, choices)
        for dimension in self.dimensions:
            if dimension.active(params):
                params[dimension.key] = dimension.suggest(trial)
        return params

    def candidate(self, params: Mapping[str, Any]) -> Candidate:
        """The candidate that has these values, and the fixed values elsewhere."""
        base = self.bases.get(str(params.get(FAMILY)), self.base)
        return base.with_values(params, source=self.source)

    def label(self, candidate: Candidate) -> str:
        """A candidate's label: shows what the space varies, and what differs from the space's fixed values."""
        ours, base = candidate.flat(), self.bases.get(candidate.arch.family, self.base).flat()
        return candidate.label_with([*self.keys, *(key for key in ours if ours[key] != base.get(key))])

    def grid(self) -> list[Params]:
        """Every point of a grid, with respect to conditions. Trials of one network stand side by side."""
        if self.sampler != "grid":
            return []
        networks: dict[str, list[Params]] = {}
        for point in dict.fromkeys(tuple(point.items()) for point in self.points) or ((),):
            for params in combinations(self.dimensions, dict(point), _all):
                candidate = self.candidate(params)
                networks.setdefault(content_hash((candidate.arch, candidate.training)), []).append(params)
        return [params for group in networks.values() for params in group]

    def siblings(self, params: Mapping[str, Scalar]) -> list[Params]:
        """The other points that expansion adds beside one: every other combination of the expanded dimensions."""
        if not self.expansion:
            return []
        held = {key: (value,) for key, value in params.items() if key not in self.expansion}
        every = combinations(self.dimensions, {}, lambda d: held.get(d.key, _all(d)))
        return [point for point in every if point != dict(params)]

    def with_overrides(self, overrides: Mapping[str, Any], *, source: str = "--set") -> Space:
        """The space with some of the candidate's keys fixed; a dimension among them is searched no more.

        Raises:
            ConfigError: an unknown key, a value that the candidate refuses, or a key that the grid's points vary.
        """
        bases = self._bases_for(overrides, source)
        values = _with_whole_paths(overrides, bases, source)
        check_varied(self.trained, values, source=source)
        clash = sorted(set(values) & set(self.points[0] if self.points else ()))
        if clash:
            raise ConfigError(f"{source}: {clash[0]} is what the points of {self.source} vary; leave it out")
        typed: dict[str, Any] = {}
        for name, base in bases.items():
            others = {key for other in bases.values() for key in other.flat()} - base.flat().keys()
            own = {key: value for key, value in values.items() if key not in others}
            bases[name] = base.with_values(own, source=source)
            typed = {**bases[name].flat(), **typed}
        left: dict[str, Dimension] = {}
        for dimension in self.dimensions:
            # A condition on a key that is no dimension any more is decided: by the key's value, or it never holds.
            decided = {key for key in dimension.when if key not in left}
            failed = any(key not in values or typed[key] not in dimension.when[key] for key in decided)
            if dimension.key not in values and not failed:
                when = {key: allowed for key, allowed in dimension.when.items() if key not in decided}
                left[dimension.key] = replace(dimension, when=when)
        agreeing = [point for point in self.start if all(typed[key] == point.get(key, typed[key]) for key in values)]
        starts = [{key: value for key, value in point.items() if key in left} for point in agreeing]
        found = replace(
            self,
            bases=bases,
            dimensions=tuple(left.values()),
            start=tuple(point for i, point in enumerate(starts) if point not in starts[:i]),
            expansion=tuple(key for key in self.expansion if key in left),
        )
        found.check()
        return found

    def _bases_for(self, values: Mapping[str, Any], source: str) -> dict[str, Candidate]:
        """The base candidates that settings change: all families', or that of the family that they name."""
        family = values.get(FAMILY)
        if not isinstance(family, str):
            return dict(self.bases)
        return {family: self.bases.get(family, self.base).with_values({FAMILY: family}, source=source)}

    def with_targets(self, targets: Sequence[str]) -> Space:
        """Make the space for some targets. With several, each has its own latency and memory goals.

        Raises:
            ConfigError: a goal on a target that is not among them.
        """
        objectives, constraints = expand_targets(self.objectives, self.constraints, targets, source=self.source)
        return replace(self, objectives=objectives, constraints=constraints)

    def check(self) -> None:
        """Check dimensions, points and starting points together.

        Raises:
            ConfigError: they do not fit the sampler or each other, or make too many points.
        """
        check_name(self.sampler, source=self.source)
        by_key = {dimension.key: dimension for dimension in self.dimensions}
        for dimension in self.dimensions:
            dimension.check(bases_of(dimension.key, by_key, self.bases, source=self.source), source=self.source)
        if self.points and self.sampler != "grid":
            raise ConfigError(f"{self.source}: points need sampler = 'grid', not {self.sampler!r}")
        check_tuning(self.dimensions, self.points, self.base, source=self.source)
        if self.gate_table is not None:
            check_gate(self.gate_table, self.constraints, self.trained, source=self.source)
        if self.rungs is not None:
            bases = self.bases.values()
            check_rungs(self.rungs, self.objectives, self.dimensions, self.points, bases, source=self.source)
        if self.sampler == "grid":
            for dimension in self.dimensions:
                if dimension.values() is None:
                    raise ConfigError(f'{self.source}: dimensions."{dimension.key}": a grid needs choices or a step')
            if self.expansion:
                raise ConfigError(f"{self.source}: a grid holds every combination by itself; leave [expansion] out")
            if self.start:
                raise ConfigError(f"{self.source}: a grid takes every point anyway; leave [[start]] out")
            require_countable(self.dimensions, self.points or ({},), _all, source=self.source)
            self.grid()  # Every point must be a candidate.
        elif self.expansion:
            held = {d.key: (d.values() or (d.low,))[:1] for d in self.dimensions if d.key not in self.expansion}
            require_countable(self.dimensions, ({},), lambda d: held.get(d.key, _all(d)), source=self.source)


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Key paths in which two definitions differ, each with its old and its new value (None where there is none)."""
    before, after = flatten(_essence(old)), flatten(_essence(new))
    paths = sorted({*before, *after})
    return {path: (before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)}


def _essence(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a definition that must be equal for trials to be comparable."""
    return {key: value for key, value in definition.items() if key not in _NOT_COMPARED}


def _all(dimension: Dimension) -> Sequence[Scalar]:
    """Every value of a dimension that has a list of them."""
    return dimension.values() or ()


def _with_whole_paths(values: Mapping[str, Any], bases: Mapping[str, Candidate], source: str) -> dict[str, Any]:
    """Settings with absolute paths of files: workers run in other folders."""
    found = dict(values)
    weights = {f"arch.{name}" for base in bases.values() for name in base.family.weight_fields}
    for key in (*_FILE_KEYS, *weights):
        if isinstance(found.get(key), str) and found[key] not in NAMED_FILES and not is_url(found[key]):
            require_local(found[key], f"{source}: {key} = ")
            found[key] = str(Path(found[key]).expanduser().absolute())
    return found
