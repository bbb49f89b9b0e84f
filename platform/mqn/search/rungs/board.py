"""What is on record of a study's trials, as the rule of its rungs wants it, and what the rule says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from mqn.parsing import content_hash
from mqn.quantities import measure_of, quantity
from mqn.records import Candidate
from mqn.search.rungs.ledger import Ledger
from mqn.search.rungs.rule import Result, Rule
from mqn.search.space.space import Space
from mqn.search.trials.confirmation import confirmation_of
from mqn.search.trials.knowledge import read_knowledge
from mqn.search.trials.mirror import params_of
from mqn.search.trials.rung_marks import promoted_of


def training_name(candidate: Candidate) -> str:
    """What trials that share a training have in common."""
    return content_hash((candidate.arch, candidate.training))


class Board:
    """Keeps what does not change of a study's trials. Its space has rungs."""

    def __init__(self, space: Space, seed: int) -> None:
        """Begin without any trial; `seed` is the study's."""
        assert space.rungs is not None
        self._space = space
        self._ledger = Ledger(Rule.of(space.rungs, space.objectives, space.constraints, seed))
        self._names: dict[int, tuple[str, str, int]] = {}
        self._stopped: dict[int, tuple[str, int]] = {}

    def note(self, changed: Mapping[int, FrozenTrial | None]) -> None:
        """Take in trials that are new or have changed, by number; None: one does not count any more."""
        for number, trial in changed.items():
            result = None if trial is None else self._result(trial)
            self._stopped.pop(number, None)
            if result is None:
                self._ledger.drop(number)
                continue
            self._ledger.put(result)
            if trial is not None and trial.state == TrialState.PRUNED:
                self._stopped[number] = (result.training, result.promoted)

    def decide(self) -> Mapping[str, int]:
        """How many rungs each training may go beyond, by `training_name`."""
        return self._ledger.decide()

    def revived(self) -> list[int]:
        """The numbers of trials that were stopped, and whose trainings may go on by now."""
        decided = self.decide()
        return [number for number, (name, beyond) in self._stopped.items() if decided.get(name, 0) > beyond]

    def _result(self, trial: FrozenTrial) -> Result | None:
        """None for a trial that tells nothing of its training: it failed, was gated, or confirms another."""
        if confirmation_of(trial) is not None:
            return None
        known = read_knowledge(trial)
        if trial.state not in (TrialState.RUNNING, TrialState.COMPLETE) and not self.is_stopped(trial):
            return None
        training, plan, epochs = self.names(trial)
        return Result(
            number=trial.number,
            training=training,
            plan=plan,
            epochs=epochs,
            curve=known.curve,
            known=known.gate,
            promoted=promoted_of(trial),
            lost=self._lost(trial, known.float_accuracy),
        )

    @staticmethod
    def is_stopped(trial: FrozenTrial) -> bool:
        """Whether a trial ended because its training was not promoted. One that was gated has no curve."""
        return trial.state == TrialState.PRUNED and bool(read_knowledge(trial).curve)

    def names(self, trial: FrozenTrial) -> tuple[str, str, int]:
        """A trial's training and plan by name, and the epochs of the training."""
        if trial.number not in self._names:
            candidate = self._space.candidate(params_of(trial))
            names = training_name(candidate), candidate.plan.label, candidate.training.epochs
            self._names[trial.number] = names
        return self._names[trial.number]

    def _lost(self, trial: FrozenTrial, accuracy: Any) -> float | None:
        """What a complete trial lost in dB by the first objective that is told in dB; None where none is."""
        for objective, value in zip(self._space.objectives, trial.values or (), strict=False):
            metric = objective.metric
            if measure_of(metric) and quantity(metric).unit == "dB" and metric in accuracy:
                return float(accuracy[metric] - value)
        return None
