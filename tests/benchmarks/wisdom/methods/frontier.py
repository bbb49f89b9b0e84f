"""This project's search on a replay: its sampler, its gate and its rungs, each alone and together.

The parts are the product's own: points are drawn by `mqn.search.trials.sampling`, and `mqn.search.rungs` says who is
promoted. Trials are kept as a study keeps them: one for each plan of a training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from optuna.trial import FrozenTrial, TrialState, create_trial

from mqn.search.rungs.ledger import Ledger
from mqn.search.rungs.rule import Result, Rule
from mqn.search.space.dimensions import Params
from mqn.search.space.goals import Constraint
from mqn.search.space.space import Space
from mqn.search.space.tables.rungs import Rungs
from mqn.search.trials.history import LearningStorage
from mqn.search.trials.knowledge import curve_attribute, float_attribute, gate_attribute
from mqn.search.trials.sampling import draw_point, identity, with_distributions
from tests.benchmarks.wisdom.candidates import plan_label, plans, wisdom_space
from tests.benchmarks.wisdom.methods.nearest import Rows
from tests.benchmarks.wisdom.replay import MEASURE, BudgetSpentError, Replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Which parts of the search are at work.

    Attributes:
        sampler: by name.
        gate: whether networks are measured before they are trained. Else latency is known when the training is over.
        rungs: where trainings are stopped; None: nowhere.
    """

    sampler: str
    gate: bool = False
    rungs: Rungs | None = None


@dataclass(slots=True)
class _Training:
    """A row that was drawn: its epochs so far, the rungs that it was let go beyond, and its trials by plan."""

    epochs: int = 0
    promoted: int = 0
    trials: dict[str, int] = field(default_factory=dict)
    over: bool = False


def search_with(parts: Parts) -> Callable[[Replay, int], None]:
    """The method that has some parts."""

    def run(replay: Replay, seed: int) -> None:
        search = _Search(parts, replay, seed)
        try:
            while search.promote() or search.begin():
                pass
        except BudgetSpentError:
            return

    return run


class _Search:
    def __init__(self, parts: Parts, replay: Replay, seed: int) -> None:
        self._parts, self._replay, self._seed = parts, replay, seed
        self._space = _space_for(parts, replay.limit)
        held = [one for one in self._space.dimensions if one.key not in self._space.expansion]
        self._rows = Rows(held, replay.networks)
        self._plans = {plan_label(plan): plan for plan in plans()}
        self._trials: list[FrozenTrial] = []
        self._trainings: dict[int, _Training] = {}
        self._taken: set[int] = set()
        self._known: set[str] = set()
        rungs = parts.rungs
        self._rule = rungs and Rule.of(rungs, self._space.objectives, self._space.constraints, seed)

    def begin(self) -> bool:
        """Draw a point, and train its row up to the first rung unless the gate ends it; False where no row is left."""
        if len(self._taken) == len(self._replay.networks):
            return False
        drawn = draw_point(
            self._space,
            len(self._trials),
            seed=self._seed,
            seen=lambda: LearningStorage(self._space.directions, self._trials),
            pinned={},
            known=self._known,
        )
        assert drawn.point is not None
        row = self._rows.nearest(drawn.point, self._taken)
        assert row is not None
        self._taken.add(row)
        training = _Training()
        for label in self._replay.gate(row):
            plan = self._plans[label]
            ended = self._parts.gate and not self._replay.feasible(self._replay.gate(row)[label]["latency_ms"])
            number = self._add(row, label, plan, TrialState.PRUNED if ended else TrialState.RUNNING, drawn.noted)
            if not ended:
                training.trials[label] = number
        if training.trials:
            self._trainings[row] = training
            self._train(row, self._goal(0))
        return True

    def promote(self) -> bool:
        """Go on with the trainings that the rule lets go on; False where there is none."""
        if self._rule is None:
            return False
        moved = False
        for name, rung in Ledger(self._rule, self._results()).decide().items():
            training = self._trainings[int(name)]
            training.promoted = rung
            if not training.over and self._goal(rung) > training.epochs:
                self._train(int(name), self._goal(rung))
                moved = True
        return moved

    def _goal(self, rung: int) -> int:
        """How far a training goes that was let go beyond so many rungs."""
        levels = self._parts.rungs.of(self._replay.epochs) if self._parts.rungs else ()
        return (*levels, self._replay.epochs)[rung]

    def _train(self, row: int, epochs: int) -> None:
        training = self._trainings[row]
        curve = self._replay.train(row, epochs)
        training.epochs = epochs
        training.over = epochs == self._replay.epochs or len(curve) < epochs
        for label, number in training.trials.items():
            trial = self._trials[number]
            trial.system_attrs = {**trial.system_attrs, **curve_attribute(curve)}
            if training.over:
                self._finish(row, label, trial)

    def _finish(self, row: int, label: str, trial: FrozenTrial) -> None:
        value, whole = self._replay.accuracy(row).get(label), self._replay.accuracy_float(row)
        if value is None or whole is None:
            trial.state = TrialState.FAIL
            return
        latency = self._replay.gate(row)[label]["latency_ms"]
        trial.values = [value, latency]
        trial.state = TrialState.COMPLETE
        trial.system_attrs |= {**float_attribute({f"{MEASURE}_float": whole}), **self._violations(latency)}

    def _add(self, row: int, label: str, plan: Params, state: TrialState, noted: Mapping[str, Any]) -> int:
        point = {**self._replay.networks[row], **plan}
        values = with_distributions(self._space, point)
        attributes = dict(noted)
        if self._parts.gate:
            figures = self._replay.gate(row)[label]
            attributes |= {**gate_attribute(figures), **self._violations(figures["latency_ms"])}
        trial = create_trial(
            state=state,
            params={key: value for key, (value, _) in values.items()},
            distributions={key: distribution for key, (_, distribution) in values.items()},
            system_attrs=attributes,
        )
        trial.number = len(self._trials)
        self._trials.append(trial)
        self._known.add(identity(point))
        return trial.number

    def _violations(self, latency_ms: float) -> dict[str, float]:
        """Of the space's constraints, as Optuna keeps them of a trial."""
        found = [bound.violations({"latency_ms": latency_ms}) for bound in self._space.constraints]
        return {f"constraints:{side}": amount for sides in found for side, amount in sides.items()}

    def _results(self) -> list[Result]:
        """What the rule of the rungs is told of the trials."""
        found = []
        for row, training in self._trainings.items():
            curve = self._replay.curve(row)
            accuracy = self._replay.accuracy(row) if training.over else {}
            whole = self._replay.accuracy_float(row) if training.over else None
            for label, number in training.trials.items():
                lost = None if whole is None or label not in accuracy else whole - accuracy[label]
                known = {"latency_ms": self._replay.gate(row)[label]["latency_ms"]} if self._parts.gate else {}
                found.append(
                    Result(
                        number=number,
                        training=str(row),
                        plan=label,
                        epochs=self._replay.epochs,
                        curve=curve,
                        known=known,
                        promoted=training.promoted,
                        lost=lost,
                    )
                )
        return found


def _space_for(parts: Parts, limit: float | None) -> Space:
    bounds = () if limit is None else (Constraint(metric="latency_ms", max=limit),)
    return replace(wisdom_space(), sampler=parts.sampler, constraints=bounds)


RUNGS = Rungs()
METHODS: dict[str, Callable[[Replay, int], None]] = {
    "frontier": search_with(Parts(sampler="frontier")),
    "frontier+gate": search_with(Parts(sampler="frontier", gate=True)),
    "frontier+rungs": search_with(Parts(sampler="frontier", rungs=RUNGS)),
    "frontier+gate+rungs": search_with(Parts(sampler="frontier", gate=True, rungs=RUNGS)),
    "tpe+gate": search_with(Parts(sampler="tpe", gate=True)),
    "tpe+rungs": search_with(Parts(sampler="tpe", rungs=RUNGS)),
    "tpe+gate+rungs": search_with(Parts(sampler="tpe", gate=True, rungs=RUNGS)),
}
