"""One trial on its way: which steps are done, which can go on, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mqn.errors import CandidateError, MeasurementError, ModelFileError
from mqn.records import Candidate, TrialRecord, Verdict
from mqn.search.artifacts import Artifact
from mqn.search.jobs import Job
from mqn.search.retries import TRANSIENT
from mqn.search.scheduler import Scheduler, Work
from mqn.search.space import Space

OWN_FAULTS = (CandidateError, MeasurementError, ModelFileError)
"""Failures of one candidate. A trial with a transient one waits; every other by name ends the study, and all wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a trial.

    Attributes:
        name: as it stands in `TrialRecord.artifacts`: `train`, `score`, `measure/<target>`, ...
        needs: steps whose artifacts it reads.
        make: from those artifacts, by step, to the job.
    """

    name: str
    needs: tuple[str, ...]
    make: Callable[[Mapping[str, Artifact]], Job]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a trial's artifacts say, in the words of `TrialRecord`."""

    figures: dict[str, float] = field(default_factory=dict)
    device_figures: dict[str, dict[str, float]] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)


class Pipeline(Protocol):
    """How a candidate is evaluated."""

    def steps(self, candidate: Candidate) -> tuple[Step, ...]:
        """Its steps, every one behind those it needs."""

    def figures(self, candidate: Candidate, artifacts: Mapping[str, Artifact]) -> Figures:
        """What finished artifacts say; steps may be missing."""

    def logged(self, artifacts: Mapping[str, Artifact]) -> tuple[Sequence[Mapping[str, float]], dict[str, Path]]:
        """What is tracked of a trial: epoch curves, and files by their path within the run."""


class Evaluation:
    """A trial that is being evaluated."""

    def __init__(self, trial: Any, candidate: Candidate, pipeline: Pipeline) -> None:
        """Begin.

        Args:
            trial: Optuna's.
            candidate: what it stands for.
            pipeline: how it is evaluated.
        """
        self.trial = trial
        self.number: int = trial.number
        self.candidate = candidate
        self.works: dict[str, Work] = {}
        self.error: str | None = None
        self.waits: str | None = None
        self._pipeline = pipeline
        self._steps: tuple[Step, ...] = ()
        self._planned = False

    @property
    def artifacts(self) -> dict[str, Artifact]:
        """Finished artifacts by step."""
        return {name: work.artifact for name, work in self.works.items() if work.artifact is not None}

    def advance(self, scheduler: Scheduler) -> bool:
        """Request every step that can be requested now.

        Returns:
            Whether the trial is over: every step is done, or one has failed or waits and no other is on its way.

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
        except OWN_FAULTS as error:
            self.error = str(error)
        under_way = any(work.outcome is None for work in self.works.values())
        stopped = self.error is not None or self.waits is not None
        return not under_way and (stopped or len(self.works) == len(self._steps))

    def rests(self, scheduler: Scheduler) -> bool:
        """Whether all that the trial waits for is a device that is not steady."""
        left = [work for work in self.works.values() if work.outcome is None]
        return bool(left) and all(map(scheduler.rests, left))

    def _request(self, scheduler: Scheduler) -> bool:
        artifacts, before = self.artifacts, len(self.works)
        for step in self._steps:
            if step.name not in self.works and all(name in artifacts for name in step.needs):
                self.works[step.name] = scheduler.request(step.make(artifacts), self.number)
        return len(self.works) > before

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

    def record(self, study: str, space: Space) -> TrialRecord:
        """What came of the trial."""
        artifacts, figures, violations = self.artifacts, Figures(), {}
        error = self.error
        try:
            figures = self._pipeline.figures(self.candidate, artifacts)
            if error is None and self.waits is None:
                violations = judge(space, figures.figures)
        except OWN_FAULTS as fault:
            error = error or str(fault)
        kept = {name.partition("/")[2]: kept for name, work in self.works.items() if (kept := _kept(work))}
        return TrialRecord(
            study=study,
            number=self.number,
            state="failed" if error is not None else "held" if self.waits is not None else "complete",
            candidate=self.candidate,
            figures=figures.figures,
            device_figures=figures.device_figures,
            verdicts=figures.verdicts | {target: plain["verdict"] for target, plain in kept.items()},
            unaccepted={target: plain["figures"] for target, plain in kept.items()},
            artifacts={name: artifact.manifest.key for name, artifact in artifacts.items()},
            violations=violations,
            seconds={name: self._seconds(work) for name, work in self.works.items()},
            error=error,
            label=space.label(self.candidate),
            waits=None if error is not None else self.waits,
        )

    def _seconds(self, work: Work) -> float:
        return work.outcome.seconds if work.outcome is not None and work.owner == self.number else 0.0


def _kept(work: Work) -> Mapping[str, Any]:
    return work.outcome.kept if work.outcome is not None else {}


def judge(space: Space, figures: Mapping[str, float]) -> dict[str, float]:
    """Check that a trial has every figure the space asks for, and how far it breaks each constraint.

    Raises:
        CandidateError: a figure is missing or not finite.
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
