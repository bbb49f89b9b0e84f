"""Which trainings of a study may go on: a pure function of what is on record of its trials.

So every driver of a study decides alike, and one that was killed decides after resuming as it would have done before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mqn.quantities import Direction, measure_of, split_target
from mqn.search.rungs.losses import Losses
from mqn.search.rungs.promotion import PlanPoint, Standing, best, spared
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
class Training:
    """What is on record of a training: that of its trials together; `number` is that of the first.

    The other attributes are those of `Result`.
    """

    name: str
    number: int
    epochs: int
    curve: tuple[float, ...]
    promoted: int
    trials: tuple[Result, ...]


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

    def decide(self, results: Sequence[Result]) -> dict[str, int]:
        """How many rungs each training may go beyond, by its name.

        A training that was promoted once stays so. The order of the results does not matter.
        """
        trainings = gather(results)
        losses = Losses.seen((one.plan, one.lost) for one in results if one.lost is not None)
        found = dict.fromkeys(trainings, 0)
        for rung in range(1, self._count(trainings) + 1):
            here = [one for one in trainings.values() if reached(self.rungs, one) >= rung]
            chosen = best(self._standings(here, rung, losses), self.rungs.factor)
            for one in here:
                free = one.promoted >= rung or spared(one.name, self.seed, self.rungs.spared)
                if found[one.name] == rung - 1 and (free or one.name in chosen):
                    found[one.name] = rung
        return found

    def _count(self, trainings: Mapping[str, Training]) -> int:
        return max((len(self.rungs.of(one.epochs)) for one in trainings.values()), default=0)

    def _standings(self, trainings: Sequence[Training], rung: int, losses: Losses) -> list[Standing]:
        told = [metric for metric in self.costs if all(any(metric in r.known for r in t.trials) for t in trainings)]
        standings = []
        for one in trainings:
            trials = [result for result in one.trials if all(metric in result.known for metric in told)]
            plans = tuple(self._point(result, told, losses) for result in trials)
            accuracy = one.curve[self.rungs.of(one.epochs)[rung - 1] - 1]
            standings.append(Standing(training=one.name, number=one.number, accuracy=accuracy, plans=plans))
        return standings

    def _point(self, result: Result, told: Sequence[str], losses: Losses) -> PlanPoint:
        signs = [1.0 if self.costs[metric] == "minimize" else -1.0 for metric in told]
        return PlanPoint(
            known=tuple(sign * result.known[metric] for sign, metric in zip(signs, told, strict=True)),
            loss=losses.expected(result.plan),
            broken=sum(_broken(constraint, result.known) for constraint in self.constraints),
        )


def gather(results: Iterable[Result]) -> dict[str, Training]:
    """The trainings that trials need, by name, in the order of their first trials."""
    groups: defaultdict[str, list[Result]] = defaultdict(list)
    for result in sorted(results, key=lambda result: result.number):
        groups[result.training].append(result)
    return {
        name: Training(
            name=name,
            number=trials[0].number,
            epochs=trials[0].epochs,
            curve=max((result.curve for result in trials), key=len),
            promoted=max(result.promoted for result in trials),
            trials=tuple(trials),
        )
        for name, trials in groups.items()
    }


def reached(rungs: Rungs, training: Training) -> int:
    """How many rungs a training has reached."""
    return sum(len(training.curve) >= epochs for epochs in rungs.of(training.epochs))


def _broken(constraint: Constraint, known: Mapping[str, float]) -> float:
    """By what share of its bound a constraint is broken; 0 where it is kept, or its figure is not known."""
    if constraint.metric not in known:
        return 0.0
    value, found = known[constraint.metric], 0.0
    for bound, by in ((constraint.max, 1.0), (constraint.min, -1.0)):
        if bound is not None:
            found += max(0.0, by * (value - bound)) / (abs(bound) or 1.0)
    return found
