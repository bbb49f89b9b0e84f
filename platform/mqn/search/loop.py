"""The loop of a study: asks Optuna for trials, keeps several on their way, and records each exactly once.

What is finished is written down in this order: artifact, record beside the trial, tracker's spool, Optuna's verdict on
the trial. Each may be repeated without harm, so that a driver killed between any two goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from optuna.trial import TrialState

from mqn.records import TrialRecord
from mqn.search.artifacts import Artifact
from mqn.search.census import records
from mqn.search.evaluation import Evaluation, Pipeline, Step
from mqn.search.progress import Progress
from mqn.search.repair import Repair, find_damaged
from mqn.search.scheduler import Scheduler
from mqn.search.study import Study
from mqn.track.tracker import Tracker

Stopped = Literal["done", "exhausted", "hours", "interrupted"]

_TICK_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far a loop goes.

    Attributes:
        trials: trials that the study is to have in the end, those of earlier drivers included.
        parallel: trials on their way at a time.
        hours: no trial is begun after so much wall time; those on their way are finished. None: no limit.
    """

    trials: int
    parallel: int
    hours: float | None = None


@dataclass(slots=True)
class Loop:
    """Runs one study to its end.

    Attributes:
        study: the study.
        pipeline: how candidates are evaluated.
        scheduler: runs the jobs.
        tracker: logs the trials.
        progress: shows what goes on.
        limits: how far to go.
        tags: put on every trial's run.
    """

    study: Study
    pipeline: Pipeline
    scheduler: Scheduler
    tracker: Tracker
    progress: Progress
    limits: Limits
    tags: Mapping[str, Any] = field(default_factory=dict)
    _active: list[Evaluation] = field(default_factory=list)
    _repairs: list[Repair] = field(default_factory=list)
    _begun: int = 0
    _goal: int = 0

    def run(self) -> Stopped:
        """Take up what was left running, then go on until a limit is reached.

        Returns:
            Why it stopped.

        Raises:
            MqnError: a failure that is not one candidate's; trials on their way stay as they are, to be taken up later.
        """
        end = time.monotonic() + 3600 * self.limits.hours if self.limits.hours is not None else None
        points = self.study.space.grid()
        self.study.enqueue(points)
        # A grid ends with its points.
        self._goal = min(self.limits.trials, len(points)) if points else self.limits.trials
        for frozen in self.study.trials(TrialState.RUNNING):
            trial = self.study.take_up(frozen)
            noted = self.study.noted(frozen)
            if trial is None:
                continue
            if noted is not None and noted.state != "held":
                self._finish(trial, noted, self._find(noted))
            else:
                self._begin(trial)
        self._repairs = find_damaged(records(self.study), self.scheduler.store, self._steps_of)
        self._begun = self.study.begun()
        in_time, left = True, True
        while True:
            in_time = in_time and (end is None or time.monotonic() < end)
            while left and in_time and self._begun < self._goal and self._has_room():
                trial = self.study.ask()
                if trial is None:
                    left = False
                else:
                    self._begun += 1
                    self._begin(trial)
            if not self._active and not self._repairs:
                if self._begun >= self._goal:
                    return "done"
                return "hours" if left and not in_time else "exhausted"
            self._advance()

    def _steps_of(self, record: TrialRecord) -> Sequence[Step]:
        return self.pipeline.steps(record.candidate)

    def _has_room(self) -> bool:
        """Whether another trial may be on its way: as many again may wait for a device to be steady."""
        resting = sum(evaluation.rests(self.scheduler) for evaluation in self._active)
        return len(self._active) - min(resting, self.limits.parallel) < self.limits.parallel

    def _begin(self, trial: Any) -> None:
        candidate = self.study.space.suggest(trial)
        # What expansion adds goes in before the trial is worked on, so that no kill can lose it.
        self.study.enqueue(self.study.space.siblings(trial.params))
        evaluation = Evaluation(trial, candidate, self.pipeline)
        self._active.append(evaluation)
        self.progress.begin(evaluation)

    def _advance(self) -> None:
        if self.study.lease is not None:
            self.study.lease.check()
        over = [evaluation for evaluation in self._active if evaluation.advance(self.scheduler)]
        for evaluation in over:
            self._active.remove(evaluation)
            record = evaluation.record(self.study.name, self.study.space)
            self.study.note(evaluation.trial, record)
            if record.state == "held":  # It stays running, and the next driver takes it up.
                self.progress.finish(record)
                continue
            self._finish(evaluation.trial, record, evaluation.artifacts)
        mended = [repair for repair in self._repairs if repair.advance(self.scheduler)]
        for repair in mended:
            self._repairs.remove(repair)
            if repair.changed:
                self.study.remember_remade(repair.record.number, repair.changed)
            self.progress.say(repair.tell())
        if not over and not mended:
            self.scheduler.step(_TICK_SECONDS)
        self.progress.show(self._active, self.scheduler)

    def _finish(self, trial: Any, record: TrialRecord, artifacts: Mapping[str, Artifact]) -> None:
        def log() -> None:
            curves, files = self.pipeline.logged(artifacts)
            self.tracker.log_trial(record, curves=curves, artifacts=files, tags=self.tags)

        self.scheduler.insist(f"trial {record.number}: logging", log)
        self.study.finish(trial, record)
        self.progress.finish(record)

    def _find(self, record: TrialRecord) -> dict[str, Artifact]:
        store, found = self.scheduler.store, {}
        for step, key in record.artifacts.items():
            artifact = store.find(step.partition("/")[0], key)
            if artifact is not None:
                found[step] = artifact
        return found
