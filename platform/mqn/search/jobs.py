"""A job: one stage on given inputs, whose result is an artifact. The unit that engines run and trials share."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import mqn
import mqn.errors
from mqn.errors import FaultError, MeasurementError, MqnError
from mqn.faults import fault_of, refused_path
from mqn.redaction import redact
from mqn.search.artifacts import Artifact, ArtifactStore

StageFunction = Callable[..., Mapping[str, Any]]
Pool = Literal["training", "plain"]

MADE_AT = "made_at"
"""In the details of an artifact that grows old: when it was made, in seconds since 1970 by the worker's clock."""

_CLOCKS_DIFFER_SECONDS = 300.0  # between machines of a cluster
_PAUSES_SECONDS = (1.0, 3.0)  # between tries of a job that a command does by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a job takes while it runs.

    Attributes:
        cpus: processors.
        gpus: share of GPUs.
        pool: kind of worker process: trainings have workers with their own number of threads.
        exclusive: takes every processor of the machine that the driver runs on.
        local: has to run on that machine.
    """

    cpus: float = 1
    gpus: float = 0
    pool: Pool = "plain"
    exclusive: bool = False
    local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One stage on given inputs.

    Attributes:
        stage: what makes the artifact.
        key: hash of `inputs` (`mqn.records.stage_key`).
        inputs: what goes in, as the manifest states it.
        function: called with the folder to write into and `arguments`; returns the manifest's details.
        arguments: how the function is called.
        resources: what it takes.
        resumable: whether it goes on from what a killed predecessor left in the folder.
        packages: those whose versions the manifest states.
        target: the devices that may do it, as the pool understands it; None: it needs none. Which device it is, and
            what that takes, is settled when the job begins.
        max_age_seconds: an artifact that is older does not serve; None: it serves for ever.
    """

    stage: str
    key: str
    inputs: Mapping[str, Any]
    function: StageFunction
    arguments: Mapping[str, Any] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    resumable: bool = False
    packages: tuple[str, ...] = ()
    target: str | None = None
    max_age_seconds: float | None = None

    @property
    def id(self) -> tuple[str, str]:
        """Equal for jobs that do the same."""
        return self.stage, self.key

    def serves(self, artifact: Artifact) -> bool:
        """Whether an artifact of this job is young enough; one from the future tells that a clock was wrong."""
        if self.max_age_seconds is None:
            return True
        made_at = artifact.manifest.details.get(MADE_AT)
        if not isinstance(made_at, (int, float)):
            return False
        return -_CLOCKS_DIFFER_SECONDS <= time.time() - made_at <= self.max_age_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a job ended.

    Attributes:
        reused: whether the artifact was there already.
        seconds: wall time of the work; 0 where it was reused.
        error: name of the `MqnError` and its line; None where the artifact is there.
        kept: what a failed measurement measured all the same (`MeasurementError.kept`).
    """

    reused: bool = False
    seconds: float = 0.0
    error: tuple[str, str] | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def failed(cls, error: MqnError, seconds: float = 0.0) -> Outcome:
        """That of a job that failed by name."""
        kept = dict(error.kept) if isinstance(error, MeasurementError) else {}
        return cls(error=(type(error).__name__, redact(str(error))), kept=kept, seconds=seconds)

    def exception(self) -> MqnError:
        """The error as it was raised, to be raised again on this side."""
        assert self.error is not None
        name, line = self.error
        kind = getattr(mqn.errors, name)
        error: MqnError = kind.__new__(kind)
        Exception.__init__(error, line)
        return error


def perform(folder: Path, job: Job) -> Outcome:
    """Do a job, unless its artifact is there already. Runs in a worker process.

    Args:
        folder: of the artifact store.
        job: what to do.

    Returns:
        How it ended. A failure by name comes back inside, because exceptions with arguments of their own do not survive
        pickling, and so do faults of machinery, whichever library raised them (`mqn.faults`); every other exception
        passes through and crashes the driver.
    """
    began = time.monotonic()
    try:
        return _perform(folder, job)
    except Exception as error:
        failure = fault_of(error) or (error if isinstance(error, MqnError) else refused_path(error))
        if failure is None:
            raise
        return Outcome.failed(failure, time.monotonic() - began)


def _perform(folder: Path, job: Job) -> Outcome:
    store = ArtifactStore(folder)
    with store.open(job.stage, job.key, resumable=job.resumable, serves=job.serves) as slot:
        if slot.artifact is not None:
            return Outcome(reused=True)
        began = time.monotonic()
        details = job.function(slot.folder, **job.arguments)
        seconds = time.monotonic() - began
        slot.publish(inputs=job.inputs, versions=_versions(job.packages), seconds=seconds, details=details)
        return Outcome(seconds=seconds)


def complete(store: ArtifactStore, job: Job) -> Artifact:
    """Do a job here and now, unless it is done, and give its artifact. What machinery fails at is tried again.

    Raises:
        MqnError: what the job failed with.
    """
    for pause in (*_PAUSES_SECONDS, None):
        outcome = perform(store.folder, job)
        if outcome.error is None:
            break
        error = outcome.exception()
        if pause is None or not isinstance(error, FaultError):
            raise error
        time.sleep(pause)
    return store.get(*job.id)


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found = {"mqn": mqn.__version__, "python": platform.python_version()}
    for package in packages:
        found[package] = importlib.metadata.version(package)
    return found
