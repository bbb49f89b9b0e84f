"""What a study optimises, what it must keep, and by which measures it is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from mqn.errors import CandidateError, ConfigError, UnknownNameError, nearest
from mqn.metrics.measures import DEFAULT, split_name
from mqn.quantities import Direction, is_device_figure, measure_of, quantity, split_target


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A figure to optimise; the direction is the quantity's own unless given."""

    metric: str
    direction: Direction | None = None

    @property
    def settled(self) -> Direction:
        """Which way is better."""
        return self.direction or quantity(self.metric).direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A figure to keep at or below `max`, at or above `min`, in the quantity's unit."""

    metric: str
    max: float | None = None
    min: float | None = None

    def violations(self, figures: Mapping[str, float]) -> dict[str, float]:
        """Compute how far each side is broken, in the quantity's unit; 0 or less where it is kept.

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
    """A bound with all its digits and without an exponent."""
    return f"{bound:.15g}"


Goal = TypeVar("Goal", Objective, Constraint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How every trial's accuracy is judged.

    Attributes:
        metrics: measures by name (`mqn.metrics.measures`); all are logged, and any may be an objective.
        inputs: the LDR pictures of the evaluation: made by the paper's tone-mapping `operators`, by the `virtual`
            camera, or the `camera` pictures that the dataset holds beside its HDR pictures.
    """

    metrics: tuple[str, ...] = DEFAULT
    inputs: Literal["operators", "virtual", "camera"] = "operators"


def checked_goals(
    objectives: Sequence[Objective], constraints: Sequence[Constraint], scoring: Scoring, *, source: str
) -> tuple[tuple[Objective, ...], tuple[Constraint, ...]]:
    """Check goals and scoring together: every name exists, and trials are scored by the measures that goals name.

    Returns:
        Objectives and constraints, with the canonical names of their figures.

    Raises:
        ConfigError: names the source and the entry.
    """
    goals, bounds = _named(objectives, "objectives", source), _named(constraints, "constraints", source)
    if not goals:
        raise ConfigError(f"{source}: 'objectives' is missing; name at least one [[objectives]] metric")
    if len({goal.metric for goal in goals}) < len(goals):
        raise ConfigError(f"{source}: objectives names a metric twice")
    for i, bound in enumerate(bounds):
        if bound.max is None and bound.min is None:
            raise ConfigError(f"{source}: constraints[{i}] on {bound.metric} needs max or min")
    if not scoring.metrics or len(set(scoring.metrics)) < len(scoring.metrics):
        raise ConfigError(f"{source}: scoring.metrics must name at least one metric, and none twice")
    for i, name in enumerate(scoring.metrics):
        try:
            split_name(name)
        except UnknownNameError as error:
            raise ConfigError(f"{source}: scoring.metrics[{i}]: {error}") from error
    for metric in [*(goal.metric for goal in goals), *(bound.metric for bound in bounds)]:
        base = measure_of(metric)
        if base is not None and base not in scoring.metrics:
            listed = ", ".join(f'"{name}"' for name in (*scoring.metrics, base))
            raise ConfigError(f"{source}: trials are not scored by {base}; write [scoring] metrics = [{listed}]")
    return goals, bounds


def _named(goals: Sequence[Goal], table: str, source: str) -> tuple[Goal, ...]:
    named = []
    for i, goal in enumerate(goals):
        try:
            named.append(replace(goal, metric=quantity(goal.metric).name))
        except UnknownNameError as error:
            raise ConfigError(f"{source}: {table}[{i}]: {error}") from error
    return tuple(named)


def expand_targets(
    objectives: Sequence[Objective], constraints: Sequence[Constraint], targets: Sequence[str], *, source: str
) -> tuple[tuple[Objective, ...], tuple[Constraint, ...]]:
    """Give every target its own objectives and constraints on a device's figures, if there are several targets.

    Args:
        objectives: as the space has them: `latency_ms`, or `latency_ms/board` for one target alone.
        constraints: likewise.
        targets: what every trial is measured on.
        source: the space, for error messages.

    Raises:
        ConfigError: a goal on a target that is not measured on, or an objective that would stand twice.
    """
    goals = tuple(goal for one in objectives for goal in _expand(one, targets, source=source))
    metrics = [goal.metric for goal in goals]
    if twice := sorted({metric for metric in metrics if metrics.count(metric) > 1}):
        raise ConfigError(f"{source}: objectives: {twice[0]} stands twice; each target has one by itself")
    return goals, tuple(bound for one in constraints for bound in _expand(one, targets, source=source))


def _expand(goal: Goal, targets: Sequence[str], *, source: str) -> list[Goal]:
    metric, target = split_target(goal.metric)
    if target is not None and target not in targets:
        raise ConfigError(f"{source}: {goal.metric}: trials are not measured on it; {nearest(target, targets)}")
    if target is not None or len(targets) < 2 or not is_device_figure(metric):
        return [goal]
    return [replace(goal, metric=f"{metric}/{target}") for target in targets]
