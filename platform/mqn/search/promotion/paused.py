"""The trials of a study whose trainings wait at a rung, seen from the driver that holds them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from optuna.trial import FrozenTrial, TrialState

from mqn.search.gate.verdict import GateVerdict
from mqn.search.rungs.board import Board, training_name
from mqn.search.space.space import Space
from mqn.search.trials.knowledge import curve_attribute, gate_attribute
from mqn.search.trials.rung_marks import is_paused, promoted_of, rung_marks
from mqn.search.trials.running import RunningTrial
from mqn.search.work.evaluation import Evaluation
from mqn.search.work.scheduler import Scheduler
from mqn.search.work.steps import Pipeline


class Driven(Protocol):
    """A study that is driven; `mqn.search.study.study.Study` says more."""

    space: Space

    @property
    def seed(self) -> int: ...  # noqa: D102

    def trials(self, *states: TrialState) -> Sequence[FrozenTrial]: ...  # noqa: D102

    def changes(self, after: int) -> tuple[Mapping[int, FrozenTrial | None], int]: ...  # noqa: D102

    def tell_sampler(self, trial: RunningTrial, attributes: Mapping[str, Any]) -> None: ...  # noqa: D102

    def retry(self, trials: Sequence[FrozenTrial]) -> int: ...  # noqa: D102


class Paused:
    """The trials that wait for the promotion of their trainings. Without rungs there are none.

    What is decided depends on what all drivers have recorded, as this one has seen it at its latest look. A promotion
    is written down before anything follows from it, so that a driver that is killed goes on with it.
    """

    def __init__(self, study: Driven, pipeline: Pipeline, scheduler: Scheduler, tell: Callable[[str], object]) -> None:
        """Begin without any. `tell` takes a line on what waits and what goes on."""
        self._tell = tell
        self._study, self._pipeline, self._scheduler = study, pipeline, scheduler
        self._board = Board(study.space, study.seed) if study.space.rungs is not None else None
        self._trials: dict[int, tuple[str, Evaluation]] = {}  # by number, each with the name of its training
        self._changed = True
        self._noted = 0

    @property
    def changed(self) -> bool:
        """Whether something was recorded since no training could be promoted."""
        return self._board is not None and self._changed

    def note_change(self) -> None:
        """Something else was recorded: a trial has ended, or another driver has written."""
        self._changed = True

    def tell_gate(self, trial: RunningTrial, verdict: GateVerdict) -> None:
        """Write down what the gate measured: samplers learn of it while the network is still trained."""
        self._study.tell_sampler(trial, gate_attribute(verdict.figures))
        self._changed = True

    def tell_curve(self, evaluation: Evaluation) -> None:
        """Write down how a training has gone so far, where it tells."""
        if curve := self._curve(evaluation):
            self._study.tell_sampler(evaluation.trial, curve)
            self._changed = True

    def add(self, evaluation: Evaluation) -> None:
        """A trial has reached a rung that it may not go beyond yet."""
        marks = rung_marks(promoted=evaluation.promoted, paused=True)
        self._study.tell_sampler(evaluation.trial, {**self._curve(evaluation), **self._costs(evaluation), **marks})
        self._trials[evaluation.number] = (training_name(evaluation.candidate), evaluation)
        self._changed = True
        self._tell(f"trial {evaluation.number} has reached rung {evaluation.promoted + 1}")

    def promote(self) -> list[Evaluation]:
        """Let a training go on that may: the one that has come furthest, then the one that began first.

        Returns:
            All its trials that wait here. None: no training may go on.
        """
        if not self._changed:
            return []
        decided = self._decide()
        free = [(name, one) for name, one in self._trials.values() if decided.get(name, 0) > one.promoted]
        if not free:
            self._changed = False
            return []
        name, _ = min(free, key=lambda found: (-found[1].promoted, found[1].number))
        chosen = sorted((one for other, one in free if other == name), key=lambda one: (-one.promoted, one.number))
        for evaluation in chosen:
            self._study.tell_sampler(evaluation.trial, rung_marks(promoted=decided[name], paused=False))
            evaluation.promoted = decided[name]
            self._tell(f"trial {evaluation.number} goes on from rung {evaluation.promoted}")
            del self._trials[evaluation.number]
        return chosen

    @property
    def any_may_go_on(self) -> bool:
        """Whether a training that waits, here or with another driver, may go on by what is recorded."""
        if self._board is None:
            return False
        decided = self._decide()
        waiting = filter(is_paused, self._study.trials(TrialState.RUNNING))
        return any(decided.get(self._board.names(trial)[0], 0) > promoted_of(trial) for trial in waiting)

    def revive(self) -> int:
        """Queue trials anew that were stopped and may go on by now; returns how many. The new ones replace them."""
        if self._board is None:
            return 0
        self._decide()
        chosen = set(self._board.revived())
        if not chosen:
            return 0
        return self._study.retry([one for one in self._study.trials(TrialState.PRUNED) if one.number in chosen])

    def stop(self) -> list[Evaluation]:
        """Give up waiting: no training is promoted any more. Returns the trials, which end by this."""
        left = [self._trials[number][1] for number in sorted(self._trials)]
        self._trials.clear()
        return left

    def _decide(self) -> Mapping[str, int]:
        if self._board is None:
            return {}
        changed, self._noted = self._study.changes(self._noted)
        self._board.note(changed)
        return self._board.decide()

    def _curve(self, evaluation: Evaluation) -> dict[str, object]:
        read = functools.partial(self._pipeline.curve, evaluation.artifacts)
        curve = self._scheduler.insist(f"trial {evaluation.number}: reading its curve", read)
        return curve_attribute(curve) if curve else {}

    def _costs(self, evaluation: Evaluation) -> dict[str, object]:
        """Without a gate, what the network costs is known from its training on."""
        if evaluation.verdict is not None:
            return {}
        return gate_attribute(self._pipeline.figures(evaluation.candidate, evaluation.artifacts).figures)
