"""What a study optimises and what it must keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mqn.errors import CandidateError, ConfigError, UnknownNameError
from mqn.quantities import Direction, quantity


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
            broken[f"{self.metric} <= {self.max:g}"] = value - self.max
        if self.min is not None:
            broken[f"{self.metric} >= {self.min:g}"] = self.min - value
        return broken


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
