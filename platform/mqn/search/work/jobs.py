"""A job: one stage on given inputs, whose result is an artifact. The unit that engines run and trials share."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import socket
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from mqn import errors
from mqn.distribution import __version__
from mqn.errors import FaultError, MeasurementError, MqnError
from mqn.faults import failure_of
from mqn.logs.capture import LOG, capturing
from mqn.records import Attempt, Span, stage_key
from mqn.records.trial import MOST_ATTEMPTS
from mqn.search.artifacts import Artifact, ArtifactStore, resolve
from mqn.search.spans.stopwatch import Stopwatch
from mqn.text.redaction import redact

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
        memory_bytes: memory that is set aside for it; 0: none.
        custom: amounts of the cluster's own resources by name, as pairs.
        pool: kind of worker process: trainings have workers with their own number of threads.
        exclusive: takes every processor of the machine that the driver runs on.
        local: has to run on that machine.
    """

    cpus: float = 1
    gpus: float = 0
    memory_bytes: float = 0
    custom: tuple[tuple[str, float], ...] = ()
    pool: Pool = "plain"
    exclusive: bool = False
    local: bool = False

    @property
    def amounts(self) -> dict[str, float]:
        """How much of each resource by Ray's names: `CPU`, `GPU`, `memory` in bytes, and the custom ones."""
        named = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory_bytes, **dict(self.custom)}
        return {name: amount for name, amount in named.items() if amount > 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which part of a training a job is: what follows `after` epochs, up to the epoch `until`.

    `whole` is the key of the whole training, which the last part has itself.
    """

    whole: str
    after: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One stage on given inputs.

    Attributes:
        stage: what makes the artifact.
        key: the artifact's name; empty: the hash of `inputs`.
        inputs: what goes in, as the manifest states it.
        function: called with the folder to write into and `arguments`; returns the manifest's details.
        arguments: how the function is called. Files of artifacts stand there as `ArtifactFile`; where the job runs, the
            function is given their paths.
        resources: what it takes.
        resumable: whether it goes on from what a killed predecessor left in the folder.
        packages: those whose versions the manifest states.
        target: the devices that may do it, as the pool understands it; None: it needs none. Which device it is, and
            what that takes, is settled when the job begins.
        max_age_seconds: an artifact that is older does not serve; None: it serves for ever.
        doing: what is done, for a person; empty: the stage's name says it.
        watch: from the folder of an artifact in the making to words on how far it is.
        part: of a training, where it is not made in one go; None: the job is whole.
    """

    stage: str
    key: str = ""
    inputs: Mapping[str, Any]
    function: StageFunction
    arguments: Mapping[str, Any] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    resumable: bool = False
    packages: tuple[str, ...] = ()
    target: str | None = None
    max_age_seconds: float | None = None
    doing: str = ""
    watch: Callable[[Path], str] | None = None
    part: Part | None = None

    def __post_init__(self) -> None:
        """Name the artifact by what goes in."""
        object.__setattr__(self, "key", self.key or stage_key(self.stage, self.inputs))

    @property
    def words(self) -> str:
        """What is done, for a person."""
        return self.doing or self.stage

    @property
    def id(self) -> tuple[str, str]:
        """Equal for jobs that do the same."""
        return self.stage, self.key

    @property
    def whole(self) -> tuple[str, str]:
        """Equal for all parts of one training; `id` for every other job."""
        return self.stage, self.part.whole if self.part is not None else self.key

    def serves(self, artifact: Artifact) -> bool:
        """Whether an artifact of this job is young enough. A timestamp in the future means that a clock is wrong."""
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
        traceback: where it was raised, as text.
        kept: what a failed measurement measured all the same (`MeasurementError.kept`).
        span: where and when the work was done; None where it was reused.
    """

    reused: bool = False
    seconds: float = 0.0
    error: tuple[str, str] | None = None
    traceback: str = ""
    kept: Mapping[str, Any] = field(default_factory=dict)
    span: Span | None = None

    @classmethod
    def failed(cls, error: MqnError, seconds: float = 0.0, span: Span | None = None) -> Outcome:
        """That of a job that failed by name."""
        kept = dict(error.kept) if isinstance(error, MeasurementError) else {}
        name, line = errors.to_plain(error)
        where = redact("".join(traceback.format_exception(error)))
        return cls(error=(name, redact(line)), traceback=where, kept=kept, seconds=seconds, span=span)

    def seen(self, submitted: float | None, collected: float) -> Outcome:
        """The same, with what the driver's clock says (`Span`). A lost worker's span has nothing else."""
        if self.reused or submitted is None:
            return self
        span = self.span or Span(begin=submitted, end=collected)
        return replace(self, span=replace(span, submitted=submitted, collected=collected))

    def exception(self) -> MqnError:
        """The error as it was raised, to be raised again on this side; its notes say where it was raised first."""
        assert self.error is not None
        error = errors.from_plain(self.error)
        if self.traceback:
            error.add_note(f"first raised here:\n{self.traceback}")
        return error


@dataclass(slots=True, eq=False)
class Work:
    """A job that one trial or several wait for.

    Attributes:
        job: what is done.
        owner: number of the trial that asked first.
        behind: how many steps of that trial stand behind it.
        artifact: the result, once it is there.
        outcome: how it ended, once it has.
        placed: the job on its device, while it runs there.
        tries: how often its device went away.
        predicted: how long it is thought to take; None where that is unknown.
        faults: how often machinery failed under it (`mqn.search.work.retries`).
        crashes: how often a process crashed by itself over it.
        lost_nodes: how often the machine that it ran on left the cluster.
        rounds: how often a disturbed machine measured it without success.
        not_before: monotonic time before which it is not tried again.
        setback: how it ended last, before it was put back.
        submitted: when it was handed to the engine last, in seconds since 1970; None: it never was.
        attempts: the latest tries that failed; `step` is the stage.
        askers: numbers of the trials that wait for it.
    """

    job: Job
    owner: int
    behind: int = 0
    artifact: Artifact | None = None
    outcome: Outcome | None = None
    placed: Job | None = None
    tries: int = 0
    predicted: float | None = None
    faults: int = 0
    crashes: int = 0
    lost_nodes: int = 0
    rounds: int = 0
    not_before: float = 0.0
    setback: Outcome | None = None
    submitted: float | None = None
    attempts: deque[Attempt] = field(default_factory=lambda: deque(maxlen=MOST_ATTEMPTS))
    askers: set[int] = field(default_factory=set)

    def note_attempt(self, outcome: Outcome) -> None:
        """Remember a try that failed and is made again."""
        if outcome.error is not None and outcome.span is not None:
            self.attempts.append(Attempt(step=self.job.stage, error=outcome.error, span=outcome.span))


def perform(store: ArtifactStore, job: Job, *, capture: bool = False) -> Outcome:
    """Do a job, unless its artifact is in the store already. Runs in a worker process.

    Args:
        store: where its artifact goes.
        job: what is done.
        capture: whether what this process and its children print becomes a file of the artifact (`mqn.logs`). Where
            the job fails, the file stays in the folder of the artifact in the making.

    Returns:
        How it ended. A failure by name comes back inside, because exceptions with arguments of their own do not survive
        pickling, and so do faults of machinery, whichever library raised them (`mqn.faults`); every other exception
        passes through and crashes the driver.
    """
    watch = Stopwatch(device=str(job.arguments.get("device", "")))
    try:
        outcome = _perform(store, job, capture=capture)
        return outcome if outcome.reused else replace(outcome, span=watch.span())
    except Exception as error:
        failure = failure_of(error)
        if failure is None:
            raise
        span = watch.span()
        return Outcome.failed(failure, span.seconds, span)


def _perform(store: ArtifactStore, job: Job, *, capture: bool) -> Outcome:
    store.check_seen()
    with store.held(), store.open(job.stage, job.key, resumable=job.resumable, serves=job.serves) as slot:
        if slot.artifact is not None:
            return Outcome(reused=True)
        began = time.monotonic()
        title = (
            f"{job.words} on {socket.gethostname()}, process {os.getpid()}, {time.strftime('%Y-%m-%d', time.gmtime())}"
        )
        with capturing(slot.folder / LOG, title) if capture else contextlib.nullcontext():
            details = job.function(slot.folder, **resolve(job.arguments, store))
        seconds = time.monotonic() - began
        slot.publish(inputs=job.inputs, versions=_versions(job.packages), seconds=seconds, details=details)
        return Outcome(seconds=seconds)


def complete(store: ArtifactStore, job: Job) -> Artifact:
    """Do a job here and now, unless it is done, and give its artifact. What machinery fails at is tried again.

    Raises the `MqnError` that the job failed with.
    """
    for pause in (*_PAUSES_SECONDS, None):
        outcome = perform(store, job)
        if outcome.error is None:
            break
        error = outcome.exception()
        if pause is None or not isinstance(error, FaultError):
            raise error
        time.sleep(pause)
    return store.get(*job.id)


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found = {"mqn": __version__, "python": platform.python_version()}
    for package in packages:
        found[package] = importlib.metadata.version(package)
    return found
