"""Runs trials of a study side by side, and records each exactly once.

A finished trial is written in this order: artifacts, the record beside the trial, the tracker's spool, the trial's
state in Optuna. Each step may be repeated, so a driver that is killed between two of them can be resumed.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial

from mqn.records import TrialRecord
from mqn.search.artifacts import Artifact
from mqn.search.budget.asking import Asking
from mqn.search.budget.budgets import Budgets
from mqn.search.budget.limits import Limits
from mqn.search.gate.patience import Patience
from mqn.search.gate.verdict import GateVerdict, judge_gate
from mqn.search.promotion.paused import Paused
from mqn.search.stages.gallery import show_pictures
from mqn.search.study.progress import Progress
from mqn.search.study.study import Study
from mqn.search.study.trials import records
from mqn.search.trials.company import Company
from mqn.search.trials.confirmation import candidate_of
from mqn.search.trials.knowledge import read_knowledge
from mqn.search.trials.rung_marks import promoted_of
from mqn.search.trials.running import RunningTrial
from mqn.search.watch.contract import Watch
from mqn.search.work.evaluation import Evaluation
from mqn.search.work.repair import Repairs
from mqn.search.work.scheduler import Scheduler
from mqn.search.work.steps import Pipeline
from mqn.track.tracker import Tracker

_TICK_SECONDS = 0.5


@dataclass(slots=True)
class TrialRunner:
    """Begins trials of one study, lets them go on, and ends them. Which trials these are others decide.

    `tags` are put on every trial's run. `watch` is told of every step. `clock` is in monotonic seconds; `sleep` waits
    for other drivers. `active` are the trials on their way, by number; `paused` those whose trainings wait at a rung;
    `patience` counts what the gate lets pass.
    """

    study: Study
    pipeline: Pipeline
    scheduler: Scheduler
    tracker: Tracker
    progress: Progress
    limits: Limits
    tags: Mapping[str, Any] = field(default_factory=dict)
    budgets: Budgets = field(default_factory=Budgets)
    watch: Watch | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    asking: Asking = field(init=False)
    patience: Patience = field(init=False)
    paused: Paused = field(init=False)
    active: dict[int, Evaluation] = field(init=False, default_factory=dict)
    repairs: Repairs = field(init=False, default_factory=Repairs)
    _woken: set[int] = field(init=False, default_factory=set)
    _said: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Be ready to begin trials."""
        self.asking = Asking(self.study, self.pipeline, self.scheduler.store, self.budgets)
        self.paused = Paused(self.study, self.pipeline, self.scheduler, self.progress.say)
        self.patience = Patience(self.study.space.gate, lambda: records(self.study))

    def repair(self, repairs: Repairs) -> None:
        """Make artifacts again beside the trials."""
        self.repairs = repairs
        self._woken |= repairs.numbers

    def has_room(self) -> bool:
        """Whether another trial may begin.

        Beyond `parallel`, and at most as many again, one may that gives an idle trainer work, unless somebody said how
        many. Those that wait for a steady device do not count.
        """
        parallel = self.limits.now()
        free = parallel - len(self.active)
        if -parallel < free <= 0 and not self.limits.exact and self._trainer_idle():
            return True
        if free > 0 or free <= -parallel or not self.scheduler.disturbed:
            return free > 0
        resting = sum(evaluation.rests(self.scheduler) for evaluation in self.active.values())
        return free + resting > 0

    def _trainer_idle(self) -> bool:
        over = all(evaluation.trained for evaluation in self.active.values())
        return over and self.study.space.trained is None and self.scheduler.trainer_idle()

    def begin(self, trial: RunningTrial, before: FrozenTrial | None = None) -> None:
        """Begin to evaluate a trial. `before` is what an earlier driver left of it: what was decided then stands."""
        candidate = candidate_of(self.study.space, trial.params, trial.confirms)
        if trial.confirms is None:
            # Queued before the trial begins, so that a kill cannot lose them.
            self.study.enqueue(self.study.space.siblings(trial.params))
        learn, hear = functools.partial(self._learn, trial), self.paused.tell_curve
        promoted = 0 if before is None else promoted_of(before)
        # What confirms another is trained in one go.
        rungs = promoted if trial.confirms is None else None
        evaluation = Evaluation(trial, candidate, self.pipeline, self.study.space, learn, hear=hear, promoted=rungs)
        if before is not None and (gate := read_knowledge(before).gate):
            evaluation.verdict = judge_gate(self.study.space, gate)
            self.patience.note_verdict(evaluation.verdict)
        self._activate(evaluation)
        self.progress.begin(evaluation)

    def take_up(self, frozen: FrozenTrial) -> None:
        """Go on with a trial that another driver left, or write down how it ended."""
        trial = self.study.take_up(frozen)
        if trial is None:
            return
        noted = self.study.noted(frozen)
        if noted is not None and noted.state != "held":
            self._finish(trial, noted, self.scheduler.store.find_steps(noted.artifacts))
        else:
            if trial.confirms is None:
                self.asking.take_up(trial)
            self.begin(trial, self.study.look_at(trial.id))

    def promote(self) -> bool:
        """Let trainings go on that wait at a rung; all trials of one together.

        Returns whether a trial that was stopped is queued anew.
        """
        if not self.paused.changed or not self.has_room() or self.budgets.epochs_used_up():
            return False
        revived = self.paused.revive()
        while self.has_room() and (promoted := self.paused.promote()):
            for evaluation in promoted:
                self._activate(evaluation)
        return revived > 0

    def stop_paused(self) -> None:
        """No training is promoted any more: those that wait end as they are."""
        for evaluation in self.paused.stop():
            self._end(evaluation, stopped=True)
            self.asking.end(evaluation.number)

    def advance(self) -> bool:
        """Let trials go on. Returns whether one gave back the place of a training, so that another may begin."""
        if self.study.lease is not None:
            self.study.lease.check()
        # Only a trial for which a job has ended can go on. The others are not looked at.
        woken, self._woken = self._woken | self.scheduler.take_changed(), set()
        over, given_back, remade = [], False, False
        for number in sorted(woken):
            if number in self.active and self.active[number].advance(self.scheduler):
                over.append(self.active.pop(number))
            remade = self.repairs.advance(number, self.scheduler) or remade
        if over:
            self.scheduler.begin()  # Workers have something to do while results are written down.
        for evaluation in over:
            if evaluation.paused:
                self.paused.add(evaluation)
                continue
            self._end(evaluation)
            self.paused.note_change()
            given_back = self.asking.end(evaluation.number) or given_back
        if not over and not remade:
            self.scheduler.step(_TICK_SECONDS)
        self._show()
        return given_back

    def wait(self, company: Company) -> None:
        """Wait for trials that other drivers hold: any of them may die."""
        if not self._said and company.elsewhere:
            self.progress.say(
                f"nothing is left to begin; trials of {company.who()} still run: {company.elsewhere}; this driver "
                "waits, and takes up what is left behind"
            )
            self._said = True
        if self.study.lease is not None:
            self.study.lease.check()
        self._show()
        if not company.left_behind:
            self.sleep(_TICK_SECONDS)

    def _learn(self, trial: RunningTrial, verdict: GateVerdict) -> None:
        self.patience.note_verdict(verdict)
        self.paused.tell_gate(trial, verdict)

    def _activate(self, evaluation: Evaluation) -> None:
        self.active[evaluation.number] = evaluation
        self._woken.add(evaluation.number)

    def _end(self, evaluation: Evaluation, *, stopped: bool = False) -> None:
        record = evaluation.record(self.study.name, stopped=stopped)
        shown = self.scheduler.insist(
            f"trial {record.number}: its pictures", lambda: show_pictures(evaluation.artifacts)
        )
        self.study.note(evaluation.trial, record, shown)
        if record.state == "held":  # It stays running in Optuna. The next driver takes it up.
            self._tell(record)
        else:
            self._finish(evaluation.trial, record, evaluation.artifacts)
            self.patience.note(record)

    def _finish(self, trial: RunningTrial, record: TrialRecord, artifacts: Mapping[str, Artifact]) -> None:
        def log() -> None:
            curves, files = self.pipeline.logged(record.candidate, artifacts)
            self.tracker.log_trial(record, curves=curves, artifacts=files, tags=self.tags)

        self.scheduler.insist(f"trial {record.number}: logging", log)
        self.study.finish(trial, record)
        self._tell(record)

    def _show(self) -> None:
        self.progress.show(self.active, self.scheduler)
        if self.watch is not None:
            self.watch.step(self.active, self.scheduler)

    def _tell(self, record: TrialRecord) -> None:
        self.progress.finish(record)
        if self.watch is not None:
            self.watch.finish(record)
