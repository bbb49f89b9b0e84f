"""One trial while it is evaluated: which steps are done, which can begin, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mqn.errors import CandidateError, MeasurementError, ModelFileError
from mqn.quantities import device_figures_in, figures_by_name
from mqn.records import Attempt, Candidate, TrialRecord
from mqn.records.trial import MOST_ATTEMPTS, TrialState
from mqn.search.artifacts import GATE, Artifact
from mqn.search.gate.verdict import GateVerdict, judge_gate
from mqn.search.space.space import Space
from mqn.search.trials.running import RunningTrial
from mqn.search.work.jobs import Work
from mqn.search.work.retries import TRANSIENT
from mqn.search.work.scheduler import Scheduler
from mqn.search.work.steps import RUNG, TRAIN, Figures, Pipeline, Step, ready

OWN_FAULTS = (CandidateError, MeasurementError, ModelFileError)
"""Failures of one candidate. With a transient failure the trial waits; any other `MqnError` ends the study."""


class Evaluation:
    """A trial that is being evaluated.

    `verdict` is the gate's; None until it is known, or where there is no gate. `promoted` says how many rungs its
    training may go beyond; whoever raises it lets the trial go on. `trained` says whether the training is over.
    """

    def __init__(
        self,
        trial: RunningTrial,
        candidate: Candidate,
        pipeline: Pipeline,
        space: Space,
        learn: Callable[[GateVerdict], object] = lambda _: None,
        *,
        hear: Callable[[Evaluation], object] = lambda _: None,
        promoted: int | None = 0,
    ) -> None:
        """Begin to evaluate a candidate of a space by a pipeline.

        `learn` is told what the gate says, `hear` that the training is over. `promoted` is what an earlier driver let
        the training do; None: it is made in one go.
        """
        self.trial = trial
        self.number: int = trial.number
        self.candidate = candidate
        self.works: dict[str, Work] = {}
        self.error: str | None = None
        self.waits: str | None = None
        self.verdict: GateVerdict | None = None
        self.promoted = promoted or 0
        self._pipeline, self._space, self._learn, self._hear = pipeline, space, learn, hear
        self._rungs: tuple[Step, ...] | None = () if promoted is None else None
        self.trained = False
        self._steps: tuple[Step, ...] = ()
        self._planned = False

    @property
    def artifacts(self) -> dict[str, Artifact]:
        """Finished artifacts by step."""
        return {name: work.artifact for name, work in self.works.items() if work.artifact is not None}

    @property
    def paused(self) -> bool:
        """Whether all that is left to do waits for the promotion of its training."""
        rungs = self._rungs or ()
        waits = self.error is None and self.waits is None and self.promoted < len(rungs)
        return waits and all(name in self.artifacts for name in (step.name for step in rungs[: self.promoted + 1]))

    @property
    def _passed(self) -> bool:
        return self.verdict.passes if self.verdict is not None else not self._gate

    @property
    def _gate(self) -> tuple[Step, ...]:
        return tuple(step for step in self._steps if step.name.startswith(GATE))

    def _wanted(self, scheduler: Scheduler) -> tuple[Step, ...]:
        """The steps of the gate; then the rungs that the training may reach; then all others."""
        if not self._passed:
            return self._gate
        if self._rungs is None:
            self._rungs = self._plan_rungs(scheduler)
        if self.promoted < len(self._rungs):
            return (*self._gate, *self._rungs[: self.promoted + 1])
        return (*self._rungs, *self._steps)

    def _plan_rungs(self, scheduler: Scheduler) -> tuple[Step, ...]:
        """The parts of its training. A training that is there as a whole is not made in parts."""
        rungs = self._pipeline.rungs(self.candidate)
        if not rungs:
            return ()
        whole = next(step for step in self._steps if step.name == TRAIN).make({})
        return rungs if scheduler.store.find(*whole.id) is None else ()

    def advance(self, scheduler: Scheduler) -> bool:
        """Request every step that can be requested now.

        Returns:
            Whether the trial is over, or waits for the promotion of its training (`paused`): every step is done, or
            those of the gate, which does not let it pass; or one has failed or waits and no other is on its way.

        Raises:
            MqnError: a failure that is not this candidate's own.
        """
        try:
            if not self._planned:
                self._steps, self._planned = self._pipeline.steps(self.candidate), True
            progressed = True
            while progressed and self.error is None:
                progressed = self._request(scheduler)
                self._note_failures()
                progressed |= self._hear_gate()
                self._hear_training()
        except OWN_FAULTS as error:
            self.error = str(error)
        under_way = any(work.outcome is None for work in self.works.values())
        stopped = self.error is not None or self.waits is not None
        return not under_way and (stopped or len(self.works) == len(self._wanted(scheduler)))

    def rests(self, scheduler: Scheduler) -> bool:
        """Whether all that the trial waits for is a device that is not steady."""
        left = [work for work in self.works.values() if work.outcome is None]
        return bool(left) and all(map(scheduler.rests, left))

    def _request(self, scheduler: Scheduler) -> bool:
        artifacts, before = self.artifacts, len(self.works)
        wanted = self._wanted(scheduler)
        # The later parts of a training and what follows it stand behind each of its rungs.
        later = len(self._rungs or ()) + len(self._steps) - len(wanted) if self._passed else 0
        for behind, step in ready(wanted, self.works.keys(), artifacts):
            if step.name != TRAIN or all(rung.name in artifacts for rung in self._rungs or ()):
                self.works[step.name] = scheduler.request(step.make(artifacts), self.number, behind + later)
        return len(self.works) > before

    def _hear_gate(self) -> bool:
        """Judge what the gate measured, once all of it is there. Returns whether the trial may go on from now on."""
        gate, artifacts = self._gate, self.artifacts
        if self.verdict is not None or not gate or any(step.name not in artifacts for step in gate):
            return False
        self.verdict = judge_gate(self._space, self._pipeline.figures(self.candidate, artifacts).gate)
        self._learn(self.verdict)
        return self.verdict.passes

    def _hear_training(self) -> None:
        if not self.trained and TRAIN in self.artifacts:
            self.trained = True
            self._hear(self)

    def _note_failures(self) -> None:
        for name, work in self.works.items():
            if work.outcome is None or work.outcome.error is None:
                continue
            error = work.outcome.exception()
            if isinstance(error, TRANSIENT):
                self.waits = self.waits or f"{name}: {error}"
            elif not isinstance(error, OWN_FAULTS):
                raise error
            elif self.error is None:
                self.error = f"{name}: {error}"

    def record(self, study: str, *, stopped: bool = False) -> TrialRecord:
        """What came of the trial; `stopped`: its training is not promoted any more."""
        artifacts, figures, violations = self.artifacts, Figures(), {}
        error, gated = self.error, self.verdict is not None and not self.verdict.passes
        try:
            figures = self._pipeline.figures(self.candidate, artifacts)
            if (gated or stopped) and self.verdict is not None:
                violations = self.verdict.violations
            elif error is None and self.waits is None and not stopped:
                violations = judge(self._space, figures_by_name(figures.figures, figures.device_figures))
        except OWN_FAULTS as fault:
            error = error or str(fault)
        kept = {
            name.removeprefix(GATE).partition("/")[2]: kept
            for name, work in self.works.items()
            if (kept := _kept(work))
        }
        state: TrialState = "gated" if gated else "stopped" if stopped else "complete"
        return TrialRecord(
            study=study,
            number=self.number,
            state="failed" if error is not None else "held" if self.waits is not None else state,
            candidate=self.candidate,
            figures=figures.figures,
            device_figures=figures.device_figures,
            verdicts=figures.verdicts | {target: plain["verdict"] for target, plain in kept.items()},
            unaccepted={target: device_figures_in(plain["figures"]) for target, plain in kept.items()},
            # Nobody reads the parts of a training that is whole.
            artifacts={
                name: artifact.manifest.key
                for name, artifact in artifacts.items()
                if not name.startswith(RUNG) or TRAIN not in artifacts
            },
            violations=violations,
            seconds={name: self._seconds(work) for name, work in self.works.items()},
            spans={name: work.outcome.span for name, work in self._own() if work.outcome and work.outcome.span},
            attempts=self._attempts(),
            unfinished={name: work.job.key for name, work in self.works.items() if work.artifact is None},
            error=error,
            label=self._space.label(self.candidate),
            waits=None if error is not None else self.waits,
            gate=figures.gate,
            lowering=figures.lowering,
            confirms=None if self.trial.confirms is None else self.trial.confirms.trial,
            simulated=any(artifact.manifest.details.get("simulated", False) for artifact in artifacts.values()),
        )

    def _seconds(self, work: Work) -> float:
        return work.outcome.seconds if work.outcome is not None and work.owner == self.number else 0.0

    def _own(self) -> list[tuple[str, Work]]:
        """Steps that this trial asked for first, with their jobs."""
        return [(name, work) for name, work in self.works.items() if work.owner == self.number]

    def _attempts(self) -> tuple[Attempt, ...]:
        # A job that was given up ended as its last try did, which its step's own span tells already.
        made = [
            replace(attempt, step=name)
            for name, work in self._own()
            for attempt in work.attempts
            if work.outcome is None or attempt.span != work.outcome.span
        ]
        return tuple(sorted(made, key=lambda attempt: attempt.span.end)[-MOST_ATTEMPTS:])


def _kept(work: Work) -> Mapping[str, Any]:
    return work.outcome.kept if work.outcome is not None else {}


def judge(space: Space, figures: Mapping[str, float]) -> dict[str, float]:
    """Check that a trial has every figure the space asks for, and how far it breaks each constraint.

    Raises `CandidateError` if a figure is missing or not finite.
    """
    wanted = [objective.metric for objective in space.objectives]
    for metric in wanted + [constraint.metric for constraint in space.constraints]:
        if not math.isfinite(figures.get(metric, math.nan)):
            known = ", ".join(sorted(figures)) or "none"
            raise CandidateError(f"the space asks for {metric}, which this trial does not have; it has: {known}")
    violations: dict[str, float] = {}
    for constraint in space.constraints:
        violations |= constraint.violations(figures)
    return violations
