"""Which job runs next: shared between trials, short ones first, measurements alone or on devices that are there."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mqn.errors import ClusterError, DeviceAwayError, DeviceRestingError, DiskError, StudyError
from mqn.retry_profile import RetryProfile
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.engine import Engine
from mqn.search.jobs import Job, Outcome
from mqn.search.retries import ALONE_AFTER, Retries

T = TypeVar("T")

PATIENCE_SECONDS = 30 * 60.0
# A job on which its device goes away every time, however often that comes back, is not worth a study's life.
AWAY_TRIES = 20

# What finishes a trial soonest comes first.
_PRIORITY = {"measure": 0, "score": 1, "quantize": 2, "finetune": 3, "prune": 4, "convert": 5, "train": 6}


class Places(Protocol):
    """Where jobs with a target are done. No call waits."""

    def place(self, job: Job) -> Job | None:
        """The job as it can be begun now, on one of its target's devices; None while none is free."""

    def absent(self, job: Job) -> str:
        """Why no device of a job's target is there, free or not; empty where one is."""

    def begin(self, job: Job) -> None:
        """A job that was placed begins."""

    def end(self, job: Job, outcome: Outcome) -> None:
        """It has ended; the outcome may say that its device went away."""


@dataclass(slots=True, eq=False)
class Work:
    """A job that at least one trial waits for.

    Attributes:
        job: what is done.
        owner: number of the trial that asked first.
        artifact: the result, once it is there.
        outcome: how it ended, once it has.
        placed: the job on its device, while it runs there.
        tries: how often its device went away.
        away_since: monotonic time since which it has had no device; None where it has.
        predicted: how long it is thought to take; None where nobody knows.
        faults: how often machinery failed under it (`mqn.search.retries`).
        crashes: how often a process crashed by itself over it.
        rounds: how often a disturbed machine measured it in vain.
        not_before: monotonic time before which it is not tried again.
        setback: how it ended last, before it was put back.
    """

    job: Job
    owner: int
    artifact: Artifact | None = None
    outcome: Outcome | None = None
    placed: Job | None = None
    tries: int = 0
    away_since: float | None = None
    predicted: float | None = None
    faults: int = 0
    crashes: int = 0
    rounds: int = 0
    not_before: float = 0.0
    setback: Outcome | None = None


class Scheduler:
    """Runs jobs on an engine. Jobs with the same key are one work, however many trials ask for it, and whenever."""

    def __init__(
        self,
        store: ArtifactStore,
        engine: Engine,
        *,
        places: Places | None = None,
        predict: Callable[[Job], float | None] = lambda _: None,
        quiesce: Callable[[], object] = lambda: None,
        patience_seconds: float = PATIENCE_SECONDS,
        retry: RetryProfile | None = None,
        tell: Callable[[str], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Put the parts together.

        Args:
            store: where artifacts are.
            engine: where jobs run.
            places: knows the devices; None: no job has a target.
            predict: how long a measurement is thought to take; the shortest goes first, the unknown last.
            quiesce: called before an exclusive job begins, so that this process keeps still.
            patience_seconds: how long a job may be without a device.
            retry: how often work is tried again; None: as profiles do by default.
            tell: takes a line on what is put back.
            clock: monotonic seconds.
            sleep: waits while nothing runs.
        """
        self.store = store
        self._engine = engine
        self._places = places
        self._predict = predict
        self._quiesce = quiesce
        self._patience_seconds = patience_seconds
        self._clock, self._sleep, self._tell = clock, sleep, tell
        self._retry = retry or RetryProfile()
        self._retries = Retries(self._retry, clock, tell)
        self._restarts = 0
        self._works: dict[tuple[str, str], Work] = {}
        self._waiting: list[Work] = []
        self._running: dict[Hashable, Work] = {}

    @property
    def running(self) -> list[Work]:
        """What runs now."""
        return list(self._running.values())

    def request(self, job: Job, trial: int) -> Work:
        """Have a job done, or find it done."""
        work = self._works.get(job.id)
        if work is None:
            work = self._works[job.id] = Work(job=job, owner=trial)
            found = self.store.find(*job.id)
            if found is not None and job.serves(found):
                work.artifact, work.outcome = found, Outcome(reused=True)
            else:
                work.predicted = self._predict(job) if job.target is not None else None
                self._waiting.append(work)
        return work

    def rests(self, work: Work) -> bool:
        """Whether a job only waits for its device to be steady."""
        return work.outcome is None and work in self._waiting and self._retries.rests(work)

    def insist(self, what: str, act: Callable[[], T]) -> T:
        """Do what can be repeated without harm here and now, again while machinery fails (`Retries.insist`)."""
        return self._retries.insist(what, act, self._sleep)

    def step(self, timeout: float) -> None:
        """Begin what can begin, then wait until something has ended, for at most `timeout` seconds.

        Raises:
            DeviceAwayError: a job was without a device for longer than the patience.
            FaultError: machinery failed for longer than the profile's tries.
        """
        try:
            self._begin()
            if not self._running:
                if self._waiting:  # for a device, or for the end of a pause
                    given_up = self._retries.give_up(self._waiting)
                    self._waiting = [work for work in self._waiting if work not in given_up]
                    if not given_up:
                        self._sleep(timeout)
                return
            for handle in self._engine.wait(list(self._running), timeout):
                outcome = self._engine.collect(handle)
                self._end(self._running.pop(handle), outcome)
        except ClusterError as error:
            self._restart(error)

    def _end(self, work: Work, outcome: Outcome) -> None:
        if work.placed is not None and self._places is not None:
            self._places.end(work.placed, outcome)
            work.placed = None
        if outcome.error is None:
            try:
                work.artifact = self.store.get(*work.job.id)
            except StudyError as error:  # It was there a moment ago.
                outcome = Outcome.failed(DiskError(str(error)))
            else:
                work.outcome = outcome
                self._restarts = 0
                self._retries.ended_well(work)
                for note in () if outcome.reused else work.artifact.manifest.details.get("notes", ()):
                    self._tell(f"trial {work.owner}: {note}")
                return
        if isinstance(outcome.exception(), DeviceAwayError):
            self._put_back(work, outcome)
            return
        work.outcome = self._retries.settle(work, outcome)
        if work.outcome is None:
            self._waiting.append(work)

    def _restart(self, error: ClusterError) -> None:
        """What ran is put back, and the engine begins anew; not for ever."""
        for work in self._running.values():
            if work.placed is not None and self._places is not None:
                self._places.end(work.placed, Outcome.failed(error))
                work.placed = None
            self._waiting.append(work)
        self._running.clear()
        while True:
            self._restarts += 1
            if self._restarts >= self._retry.tries:
                raise ClusterError(f"{error}; so it went {self._restarts} times; mend it, then go on with --resume")
            self._tell(f"{error}; starting anew, and what ran is put back")
            self._sleep(self._retry.pause_seconds * 2.0 ** (self._restarts - 1))
            try:
                self._engine.restart()
            except ClusterError as again:
                error = again
            else:
                return

    def _put_back(self, work: Work, outcome: Outcome) -> None:
        error = outcome.exception()
        work.tries += not isinstance(error, DeviceRestingError)  # which only takes its time
        if work.tries >= AWAY_TRIES:
            raise DeviceAwayError(f"{error}; so it went {work.tries} times with one measurement")
        self._waiting.insert(0, work)
        self._lose_patience(work, str(error))

    def _begin(self) -> None:
        self._waiting.sort(key=_order)
        alone = False
        for work in list(self._waiting):
            if not self._retries.may_begin(work, self._running.values()):
                continue
            job = self._place(work)
            if job is None:
                continue
            if not self._fits(work, job) or (alone and job.resources.cpus > 0):
                # Whatever began now would put off a job that waits to be alone, perhaps for ever.
                alone = alone or _alone(work, job)
                continue
            self._waiting.remove(work)
            if job.resources.exclusive:
                self._quiesce()
            if job.target is not None and self._places is not None:
                self._places.begin(job)
                work.placed = job
            self._running[self._engine.submit(self.store.folder, job)] = work

    def _place(self, work: Work) -> Job | None:
        if work.job.target is None or self._places is None:
            return work.job
        placed, reason = self._places.place(work.job), self._places.absent(work.job)
        if placed is None and reason:
            self._lose_patience(work, reason)
        elif work.away_since is not None:
            work.away_since = None
        return placed

    def _lose_patience(self, work: Work, reason: str) -> None:
        now = self._clock()
        work.away_since = now if work.away_since is None else work.away_since
        if now - work.away_since >= self._patience_seconds:
            minutes = (now - work.away_since) / 60
            raise DeviceAwayError(f"no device for {work.job.target!r} for {minutes:.0f} minutes: {reason}")

    def _fits(self, work: Work, job: Job) -> bool:
        busy = [(other, other.placed or other.job) for other in self._running.values()]
        taken = [(other, running) for other, running in busy if running.resources.cpus > 0]
        if _alone(work, job) or any(_alone(*pair) for pair in taken):
            return not taken or job.resources.cpus == 0
        cpus = sum(running.resources.cpus for _, running in taken)
        return not taken or cpus + job.resources.cpus <= self._engine.capacity


def _alone(work: Work, job: Job) -> bool:
    return job.resources.exclusive or work.faults >= ALONE_AFTER


def _order(work: Work) -> tuple[int, int, float]:
    priority = _PRIORITY.get(work.job.stage, len(_PRIORITY))
    return priority, work.rounds, math.inf if work.predicted is None else work.predicted
