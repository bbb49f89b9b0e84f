"""Which trainings of a study may go on. It depends on nothing but what is on record of its trials.

So every driver of a study decides alike, and one that was killed decides after resuming as it would have done before.
Results change one by one. What one says of its training is worked out when it is put in, and decisions are made on
columns of numbers, so that they take milliseconds for thousands of trials.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mqn.search.rungs.promotion import Floats, Integers, Plans, best, spared
from mqn.search.rungs.rule import Result, Rule
from mqn.search.space.goals import Constraint

Marks = NDArray[np.bool_]


class _Training(NamedTuple):
    """Its first trial, the rungs that it was let go beyond, whether it is spared, its accuracy at each rung reached."""

    first: int
    promoted: int
    spared: bool
    accuracy: tuple[float, ...]


class Ledger:
    """The results of a study, and what the rule says of its trainings."""

    def __init__(self, rule: Rule, results: Iterable[Result] = ()) -> None:
        """Begin with some results, in any order."""
        self._rule = rule
        self._signs = [1.0 if way == "minimize" else -1.0 for way in rule.costs.values()]
        self._results: dict[int, Result] = {}
        self._rows: dict[int, tuple[float, ...]] = {}  # by trial: how far it breaks constraints, and its costs
        self._plans: dict[str, int] = {}
        self._trainings: dict[str, dict[int, Result]] = {}
        self._reached: dict[str, _Training] = {}
        self._found: dict[str, int] | None = None
        for result in results:
            self.put(result)

    def put(self, result: Result) -> None:
        """Take in what is on record of a trial; it takes the place of what was on record before."""
        old = self._results.get(result.number)
        if old == result:
            return
        found, before = self._found, self._weight(result.training)
        self.drop(result.number)
        self._results[result.number] = result
        self._rows[result.number] = self._row(result.known)
        self._plans.setdefault(result.plan, len(self._plans))
        self._trainings.setdefault(result.training, {})[result.number] = result
        self._look_at(result.training)
        if found is not None and (old is None or old.promoted <= result.promoted):
            self._found = {result.training: 0, **found}
            if self._weight(result.training) != before:
                self._found = None

    def drop(self, number: int) -> None:
        """Forget a trial, if it is on record."""
        result = self._results.pop(number, None)
        if result is None:
            return
        del self._rows[number], self._trainings[result.training][number]
        self._look_at(result.training)
        self._found = None

    def _row(self, known: Mapping[str, float]) -> tuple[float, ...]:
        broken = sum(how_far_broken(constraint, known) for constraint in self._rule.constraints)
        costs = zip(self._signs, self._rule.costs, strict=True)
        return broken, *(sign * known[metric] if metric in known else math.nan for sign, metric in costs)

    def _weight(self, training: str) -> object:
        """What a decision depends on of a training: of one that has reached no rung only what its plans lost."""
        trials = self._trainings.get(training, {})
        lost = [(number, one.plan, one.lost) for number, one in trials.items() if one.lost is not None]
        first, promoted, _, accuracy = self._reached.get(training, _Training(0, 0, False, ()))
        if not accuracy:
            return lost
        beyond = max(promoted, (self._found or {}).get(training, 0))  # What is decided does not change a decision.
        return lost, first, beyond, accuracy, [(number, one.plan, self._rows[number]) for number, one in trials.items()]

    def decide(self) -> Mapping[str, int]:
        """How many rungs each training may go beyond, by its name. One that was promoted once stays so."""
        if self._found is None:
            self._found = self._decide()
        return self._found

    def _look_at(self, training: str) -> None:
        """Note what the trials of a training say of it together."""
        trials = self._trainings[training]
        if not trials:
            del self._trainings[training], self._reached[training]
            return
        first = min(trials)
        curve = max((result.curve for _, result in sorted(trials.items())), key=len)
        accuracy = tuple(curve[end - 1] for end in self._rule.rungs.of(trials[first].epochs) if len(curve) >= end)
        free = spared(training, self._rule.seed, self._rule.rungs.spared)
        promoted = max(result.promoted for result in trials.values())
        self._reached[training] = _Training(first, promoted, free, accuracy)

    def _decide(self) -> dict[str, int]:
        names = sorted(self._reached, key=self._reached.__getitem__)  # as their first trials began
        levels = np.zeros(len(names), dtype=np.int64)
        if not names:
            return {}
        reached = np.array([len(self._reached[name].accuracy) for name in names])
        promoted = np.array([self._reached[name].promoted for name in names])
        free = np.array([self._reached[name].spared for name in names])
        places = {name: place for place, name in enumerate(names)}
        numbers = sorted(number for number, result in self._results.items() if reached[places[result.training]])
        owners = np.array([places[self._results[number].training] for number in numbers], dtype=np.int64)
        facts = np.array([self._rows[number] for number in numbers]).reshape(len(numbers), 1 + len(self._signs))
        losses = self._losses()[[self._plans[self._results[number].plan] for number in numbers]]
        for rung in range(1, reached.max() + 1):
            here = reached >= rung
            told = (self._reached[name].accuracy for name in names)
            accuracy = np.array([one[rung - 1] if len(one) >= rung else 0.0 for one in told])
            chosen = self._choose(here, owners, facts, losses - accuracy[owners])
            levels[(levels == rung - 1) & here & (free | (promoted >= rung) | chosen)] = rung
        return dict(zip(names, levels.tolist(), strict=True))

    def _choose(self, here: Marks, owners: Integers, facts: Floats, inaccuracy: Floats) -> Marks:
        """Mark the trainings that are good enough among those that reached a rung. Plans not known whole are left out.

        Costs count that are known of all trainings there.
        """
        costs = facts[:, 1:]
        known = ~np.isnan(costs) & here[owners][:, None]
        told = np.zeros((len(here), len(self._signs)), dtype=bool)
        np.logical_or.at(told, owners, known)
        counted = told[here].all(axis=0)
        rows = here[owners] & known[:, counted].all(axis=1)
        points = np.column_stack([costs[rows][:, counted], inaccuracy[rows]])
        wanted = max(1, int(here.sum()) // self._rule.rungs.factor)
        found = np.zeros(len(here), dtype=bool)
        found[best(Plans(trainings=owners[rows], points=points, broken=facts[rows, 0]), wanted)] = True
        return found

    def _losses(self) -> Floats:
        """What each plan is expected to lose, in dB: the mean of what it lost so far; of a new one, of all trials."""
        told = [(self._plans[one.plan], one.lost) for _, one in sorted(self._results.items()) if one.lost is not None]
        if not told:
            return np.zeros(len(self._plans))
        plans, lost = np.array([plan for plan, _ in told]), np.array([lost for _, lost in told])
        counts = np.bincount(plans, minlength=len(self._plans))
        sums = np.bincount(plans, weights=lost, minlength=len(self._plans))
        return np.where(counts > 0, sums / np.maximum(counts, 1), lost.mean())


def how_far_broken(constraint: Constraint, known: Mapping[str, float]) -> float:
    """By what share of its bound a constraint is broken; 0 where it is kept, or its figure is not known."""
    if constraint.metric not in known:
        return 0.0
    value, found = known[constraint.metric], 0.0
    for bound, by in ((constraint.max, 1.0), (constraint.min, -1.0)):
        if bound is not None:
            found += max(0.0, by * (value - bound)) / (abs(bound) or 1.0)
    return found
