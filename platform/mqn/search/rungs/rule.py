"""What the rule of a study's rungs goes by: results of trials, and what the space says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mqn.quantities import Direction, measure_of, split_target
from mqn.search.space.goals import Constraint, Objective
from mqn.search.space.tables.rungs import Rungs


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What is on record of a trial.

    Attributes:
        number: of the trial.
        training: name of its training; trials that share one have the same.
        plan: name of its plan.
        epochs: that its training has in the end.
        curve: accuracy in dB after epoch 1, epoch 2, ... of its training so far.
        known: figures that are known without training, by name.
        promoted: the rungs that it was let go beyond.
        lost: what its plan lost of the float network's accuracy, in dB; None: not known.
    """

    number: int
    training: str
    plan: str = ""
    epochs: int
    curve: tuple[float, ...] = ()
    known: Mapping[str, float] = field(default_factory=dict)
    promoted: int = 0
    lost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who is promoted.

    Attributes:
        rungs: of the space.
        seed: of the study; chooses the trainings that are never stopped.
        costs: objectives that may be known without training, each with its direction.
        constraints: of the space.
    """

    rungs: Rungs
    seed: int
    costs: Mapping[str, Direction] = field(default_factory=dict)
    constraints: Sequence[Constraint] = ()

    @classmethod
    def of(cls, rungs: Rungs, objectives: Iterable[Objective], constraints: Sequence[Constraint], seed: int) -> Rule:
        """The rule of a space."""
        costs = {
            objective.metric: objective.settled
            for objective in objectives
            if measure_of(split_target(objective.metric)[0]) is None
        }
        return cls(rungs=rungs, seed=seed, costs=costs, constraints=constraints)
