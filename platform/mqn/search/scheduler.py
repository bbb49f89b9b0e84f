"""Which job runs next: shared between trials, short ones first, measurements alone or on devices that are there."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

from mqn.errors import DeviceAwayError, DeviceRestingError
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.engine import Engine
from mqn.search.jobs import Job, Outcome

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
    """

    job: Job
    owner: int
    artifact: Artifact | None = None
    outcome: Outcome | None = None
    placed: Job | None = None
    tries: int = 0
    away_since: float | None = None
    predicted: float | None = None


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
            clock: monotonic seconds.
            sleep: waits while nothing runs.
        """
        self.store = store
        self._engine = engine
        self._places = places
        self._predict = predict
        self._quiesce = quiesce
        self._patience_seconds = patience_seconds
        self._clock, self._sleep = clock, sleep
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

    def step(self, timeout: float) -> None:
        """Begin what can begin, then wait until something has ended, for at most `timeout` seconds.

        Raises:
            DeviceAwayError: a job was without a device for longer than the patience.
        """
        self._begin()
        if not self._running:
            if self._waiting:  # for a device
                self._sleep(timeout)
            return
        for handle in self._engine.wait(list(self._running), timeout):
            work = self._running.pop(handle)
            outcome = self._engine.collect(handle)
            if work.placed is not None and self._places is not None:
                self._places.end(work.placed, outcome)
                work.placed = None
                if outcome.error is not None and isinstance(outcome.exception(), DeviceAwayError):
                    self._put_back(work, outcome)
                    continue
            work.outcome = outcome
            if outcome.error is None:
                work.artifact = self.store.get(*work.job.id)

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
            job = self._place(work)
            if job is None:
                continue
            if not self._fits(job) or (alone and job.resources.cpus > 0):
                # Whatever began now would put off a measurement that waits to be alone, perhaps for ever.
                alone = alone or job.resources.exclusive
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

    def _fits(self, job: Job) -> bool:
        busy = [work.placed or work.job for work in self._running.values()]
        taken = [other.resources for other in busy if other.resources.cpus > 0]
        if job.resources.exclusive or any(resources.exclusive for resources in taken):
            return not taken or job.resources.cpus == 0
        return not taken or sum(resources.cpus for resources in taken) + job.resources.cpus <= self._engine.capacity


def _order(work: Work) -> tuple[int, float]:
    priority = _PRIORITY.get(work.job.stage, len(_PRIORITY))
    return priority, math.inf if work.predicted is None else work.predicted
