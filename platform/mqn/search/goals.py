"""What a study optimises, what it must keep, and by which measures it is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from mqn.errors import CandidateError, ConfigError, UnknownNameError, nearest
from mqn.metrics.measures import DEFAULT, split_name
from mqn.quantities import DEVICE_FIGURES, Direction, quantity, split_target


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A figure to optimise; the direction is the quantity's own unless given."""

    metric: str
    direction: Direction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A figure to keep at or below `max`, at or above `min`, in the quantity's unit."""

    metric: str
    max: float | None = None
    min: float | None = None

    def violations(self, figures: Mapping[str, float]) -> dict[str, float]:
        """How far each side is broken, in the quantity's unit; 0 or less where it is kept.

        Raises:
            CandidateError: the trial has no such figure.
        """
        if self.metric not in figures:
            raise CandidateError(f"the constraint on {self.metric} cannot be judged: this trial has no such figure")
        value, broken = figures[self.metric], {}
        if self.max is not None:
            broken[f"{self.metric} <= {_plain(self.max)}"] = value - self.max
        if self.min is not None:
            broken[f"{self.metric} >= {_plain(self.min)}"] = self.min - value
        return broken

    @property
    def texts(self) -> tuple[str, ...]:
        """Each side in words: `size_bytes <= 1,200,000`."""
        known = quantity(self.metric)
        sides = (("<=", self.max), (">=", self.min))
        return tuple(f"{self.metric} {sign} {known.text(bound)}" for sign, bound in sides if bound is not None)


def _plain(bound: float) -> str:
    """A bound with every digit that it was given with, and no exponent that people have to count out."""
    return f"{bound:.15g}"


Goal = TypeVar("Goal", Objective, Constraint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How every trial's accuracy is judged.

    Attributes:
        metrics: measures by name (`mqn.metrics.measures`); all are logged, and any may be an objective.
        inputs: the LDR pictures that are judged upon: made by the paper's tone-mapping `operators`, by the `virtual`
            camera, or the `camera` pictures that the dataset holds beside its HDR pictures.
    """

    metrics: tuple[str, ...] = DEFAULT
    inputs: Literal["operators", "virtual", "camera"] = "operators"


_DERIVED = ("_float", "_drop", "_baseline")


def check_scoring(
    scoring: Scoring, objectives: Sequence[Objective], constraints: Sequence[Constraint], *, source: str
) -> None:
    """Make sure that every measure exists, and that trials are scored by those that objectives and constraints name.

    Raises:
        ConfigError: names the source and the entry.
    """
    if not scoring.metrics or len(set(scoring.metrics)) < len(scoring.metrics):
        raise ConfigError(f"{source}: scoring.metrics must name at least one metric, and none twice")
    for i, name in enumerate(scoring.metrics):
        try:
            split_name(name)
        except UnknownNameError as error:
            raise ConfigError(f"{source}: scoring.metrics[{i}]: {error}") from error
    for metric in [*(o.metric for o in objectives), *(c.metric for c in constraints)]:
        base = metric
        for suffix in _DERIVED:
            base = base.removesuffix(suffix)
        if _is_measure(base) and base not in scoring.metrics:
            listed = ", ".join(f'"{name}"' for name in (*scoring.metrics, base))
            raise ConfigError(f"{source}: trials are not scored by {base}; write [scoring] metrics = [{listed}]")


def _is_measure(name: str) -> bool:
    try:
        split_name(name)
    except UnknownNameError:
        return False
    return True


def expand_targets(
    objectives: Sequence[Objective], constraints: Sequence[Constraint], targets: Sequence[str], *, source: str
) -> tuple[tuple[Objective, ...], tuple[Constraint, ...]]:
    """Give every target its own objectives and constraints on a device's figures, where there are several.

    Args:
        objectives: as the space has them: `latency_ms`, or `latency_ms/board` for one target alone.
        constraints: likewise.
        targets: what every trial is measured on.
        source: the space, for error messages.

    Returns:
        Both, expanded.

    Raises:
        ConfigError: a target that is not measured on, or an objective that would stand twice.
    """
    goals = tuple(goal for one in objectives for goal in _expand(one, targets, source=source))
    metrics = [goal.metric for goal in goals]
    if twice := sorted({metric for metric in metrics if metrics.count(metric) > 1}):
        raise ConfigError(f"{source}: objectives: {twice[0]} stands twice; each target has one by itself")
    return goals, tuple(bound for one in constraints for bound in _expand(one, targets, source=source))


def _expand(goal: Goal, targets: Sequence[str], *, source: str) -> list[Goal]:
    metric, target = split_target(goal.metric)
    if metric not in DEVICE_FIGURES:
        return [goal]
    if target is not None:
        if target not in targets:
            raise ConfigError(f"{source}: {goal.metric}: trials are not measured on it; {nearest(target, targets)}")
        return [goal]
    return [goal] if len(targets) < 2 else [replace(goal, metric=f"{metric}/{target}") for target in targets]


def check_goals(objectives: Sequence[Objective], constraints: Sequence[Constraint], *, source: str) -> None:
    """Make sure that every figure exists and every constraint says something.

    Raises:
        ConfigError: names the source and the entry.
    """
    if not objectives:
        raise ConfigError(f"{source}: 'objectives' is missing; name at least one [[objectives]] metric")
    metrics = [("objectives", i, objective.metric) for i, objective in enumerate(objectives)]
    metrics += [("constraints", i, constraint.metric) for i, constraint in enumerate(constraints)]
    for table, i, metric in metrics:
        try:
            quantity(metric)
        except UnknownNameError as error:
            raise ConfigError(f"{source}: {table}[{i}]: {error}") from error
    if len({objective.metric for objective in objectives}) < len(objectives):
        raise ConfigError(f"{source}: objectives names a metric twice")
    for i, constraint in enumerate(constraints):
        if constraint.max is None and constraint.min is None:
            raise ConfigError(f"{source}: constraints[{i}] on {constraint.metric} needs max or min")
