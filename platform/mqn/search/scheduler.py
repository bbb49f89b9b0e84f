"""Which job runs next: shared between trials, short ones first, measurements alone, absent devices tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from mqn.errors import DeviceAwayError
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.engine import Engine
from mqn.search.jobs import Job, Outcome

AWAY_DELAYS = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between two tries of a device that is away."""

# What finishes a trial soonest comes first.
_PRIORITY = {"measure": 0, "score": 1, "quantize": 2, "convert": 3, "train": 4}


@dataclass(slots=True, eq=False)
class Work:
    """A job that at least one trial waits for.

    Attributes:
        job: what is done.
        owner: number of the trial that asked first.
        artifact: the result, once it is there.
        outcome: how it ended, once it has.
        handle: of the engine, while it runs.
        tries: how often the device was away.
        not_before: monotonic time of the next try.
    """

    job: Job
    owner: int
    artifact: Artifact | None = None
    outcome: Outcome | None = None
    handle: Hashable | None = None
    tries: int = 0
    not_before: float = 0.0


class Scheduler:
    """Runs jobs on an engine. Jobs with the same key are one work, however many trials ask for it, and whenever."""

    def __init__(
        self,
        store: ArtifactStore,
        engine: Engine,
        *,
        renew: Callable[[Job], Job] = lambda job: job,
        quiesce: Callable[[], object] = lambda: None,
        delays: Sequence[float] = AWAY_DELAYS,
    ) -> None:
        """Put the parts together.

        Args:
            store: where artifacts are.
            engine: where jobs run.
            renew: makes a job anew whose device was away: the agent may stand elsewhere now.
            quiesce: called before an exclusive job begins, so that this process keeps still.
            delays: seconds before each further try of a device that is away.
        """
        self.store = store
        self._engine = engine
        self._renew = renew
        self._quiesce = quiesce
        self._delays = delays
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
            work.artifact = self.store.find(*job.id)
            if work.artifact is not None:
                work.outcome = Outcome(reused=True)
            else:
                self._waiting.append(work)
        return work

    def step(self, timeout: float) -> None:
        """Begin what can begin, then wait until something has ended, for at most `timeout` seconds.

        Raises:
            DeviceAwayError: a device stayed away through every try.
        """
        self._begin()
        if not self._running:
            pause = min((work.not_before for work in self._waiting), default=0.0) - time.monotonic()
            time.sleep(max(0.0, min(timeout, pause)))
            return
        for handle in self._engine.wait(list(self._running), timeout):
            work = self._running.pop(handle)
            work.handle = None
            outcome = self._engine.collect(handle)
            if outcome.error is not None and outcome.error[0] == DeviceAwayError.__name__:
                self._try_again(work, outcome)
                continue
            work.outcome = outcome
            if outcome.error is None:
                work.artifact = self.store.get(*work.job.id)

    def _try_again(self, work: Work, outcome: Outcome) -> None:
        if work.tries >= len(self._delays):
            raise outcome.exception()
        work.not_before = time.monotonic() + self._delays[work.tries]
        work.tries += 1
        work.job = self._renew(work.job)
        self._waiting.append(work)

    def _begin(self) -> None:
        now = time.monotonic()
        self._waiting.sort(key=lambda work: _PRIORITY.get(work.job.stage, len(_PRIORITY)))
        for work in list(self._waiting):
            if work.not_before > now:
                continue
            if not self._fits(work.job):
                if work.job.resources.exclusive:
                    return  # Whatever began now would put the measurement off, perhaps for ever.
                continue
            self._waiting.remove(work)
            if work.job.resources.exclusive:
                self._quiesce()
            work.handle = self._engine.submit(self.store.folder, work.job)
            self._running[work.handle] = work

    def _fits(self, job: Job) -> bool:
        busy = [work.job.resources for work in self._running.values() if work.job.resources.cpus > 0]
        if job.resources.exclusive or any(resources.exclusive for resources in busy):
            return not busy or job.resources.cpus == 0
        return not busy or sum(resources.cpus for resources in busy) + job.resources.cpus <= self._engine.capacity
