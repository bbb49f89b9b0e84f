"""Decides which job runs next. What finishes a trial soonest begins first; a measurement waits for its device."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Hashable
from typing import TypeVar

from mqn.errors import ClusterError, DeviceAwayError, DeviceRestingError, DiskError, StudyError
from mqn.profile_tables.retry import RetryProfile
from mqn.search.artifacts import ArtifactStore
from mqn.search.work.contracts import Account, Claims, Key, NoAccount, Places, Unclaimed
from mqn.search.work.engine import Demand, Engine
from mqn.search.work.jobs import Job, Outcome, Work
from mqn.search.work.load import Load, alone
from mqn.search.work.retries import Retries, device_of
from mqn.search.work.waiting import Elsewhere, Waiting, feed_trainer
from mqn.search.work.words import why

T = TypeVar("T")

PATIENCE_SECONDS = 30 * 60.0
AWAY_TRIES = 20  # The study stops after a device went away so often during the same measurement.


class Scheduler:
    """Runs jobs on an engine. Trials that ask for the same job share it, also when one asks later."""

    def __init__(
        self,
        store: ArtifactStore,
        engine: Engine,
        *,
        places: Places | None = None,
        account: Account | None = None,
        claims: Claims | None = None,
        predict: Callable[[Job], float | None] = lambda _: None,
        quiesce: Callable[[], object] = lambda: None,
        patience_seconds: float = PATIENCE_SECONDS,
        retry: RetryProfile | None = None,
        tell: Callable[[str], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        date: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Put the parts together.

        Args:
            store: where artifacts are.
            engine: where jobs run.
            places: knows the devices; None: no job has a target.
            account: told of every job; None: nobody is.
            claims: keep drivers from doing the same job; None: this driver is alone.
            predict: how long a measurement is thought to take; the shortest goes first, the unknown last.
            quiesce: called before an exclusive job begins, so that this process keeps still.
            patience_seconds: how long a job may be without a device.
            retry: how often work is tried again; None: as profiles do by default.
            tell: takes a line on what is put back.
            clock: monotonic seconds.
            date: seconds since 1970, for the spans of trials.
            sleep: waits while nothing runs.
        """
        self.store, store.patient = store, self.insist
        self._engine, self._places, self._predict = engine, places, predict
        self._account, self._claims = account or NoAccount(), claims or Unclaimed()
        self._quiesce, self._patience_seconds = quiesce, patience_seconds
        self._clock, self._date, self._sleep, self._tell = clock, date, sleep, tell
        self._retry = retry or RetryProfile()
        self._retries = Retries(self._retry, clock, tell)
        self._restarts = 0
        self._works: dict[tuple[str, str], Work] = {}
        self._waiting, self._load = Waiting(), Load()
        self._running: dict[Hashable, Work] = {}
        self.demand: Demand = lambda capacity: self._load.demand(self._waiting.counts(), capacity)
        self.trainer_idle: Callable[[], bool] = lambda: not (self._load.trains or self._waiting.trains)
        self._elsewhere = Elsewhere(self._claims, store, clock)
        self._changed: set[int] = set()
        self._away_since: dict[str, float] = {}

    @property
    def running(self) -> list[Work]:
        """What runs now."""
        return list(self._running.values())

    def request(self, job: Job, trial: int, behind: int = 0) -> Work:
        """Have a job done, or find it done. The fewer steps are `behind` a job, the sooner it begins."""
        if (work := self._works.get(job.id)) is None:
            work = self._works[job.id] = Work(job=job, owner=trial, behind=behind)
            found = self.store.find(*job.id)
            if found is not None and job.serves(found):
                work.artifact, work.outcome = found, Outcome(reused=True)
            else:
                work.predicted = self._predict(job) if job.target is not None else None
                self._waiting.add(work)
        if work.outcome is None:
            work.askers.add(trial)
        return work

    def take_changed(self) -> set[int]:
        """The numbers of the trials for which a job has ended since this was asked last."""
        changed, self._changed = self._changed, set()
        return changed

    @property
    def disturbed(self) -> bool:
        """Whether any device has to be steady again before it measures."""
        return self._retries.disturbed

    def rests(self, work: Work) -> bool:
        """Whether a job only waits for its device to be steady."""
        return work.outcome is None and work in self._waiting and self._retries.rests(device_of(work))

    def why(self, work: Work) -> str:
        """What a job that waits is waiting for, in words."""
        if work in self._elsewhere:
            return "another driver, which does it"
        return why(work, self._clock(), self._retries, self._load, self._engine.capacity, self._places)

    def insist(self, what: str, act: Callable[[], T]) -> T:
        """Do what can be repeated without harm here and now, again while machinery fails (`Retries.insist`)."""
        return self._retries.insist(what, act, self._sleep)

    def begin(self) -> None:
        """Begin what can begin, and wait for nothing. Raises as `step`."""
        try:
            self._begin()
        except ClusterError as error:
            self._restart(error)

    def step(self, timeout: float) -> None:
        """Begin what can begin, then wait until something has ended, for at most `timeout` seconds.

        Raises:
            DeviceAwayError: a job was without a device for longer than the patience.
            FaultError: machinery failed for longer than the profile's tries.
        """
        try:
            self._begin()
            if not self._running and (self._waiting or self._elsewhere) and not self._give_up():
                self._sleep(timeout)  # for a device, for the end of a pause, or for another driver
            for handle in self._engine.wait(list(self._running), timeout) if self._running else ():
                outcome, work = self._engine.collect(handle), self._running.pop(handle)
                self._load.remove(work)
                self._end(work, outcome)
        except ClusterError as error:
            self._restart(error)

    def _end(self, work: Work, outcome: Outcome) -> None:
        outcome = outcome.seen(work.submitted, self._date())
        self._leave(work, outcome)
        if outcome.error is None:
            try:
                work.artifact = self.store.get(*work.job.id)
            except StudyError as error:  # It was there a moment ago.
                outcome = Outcome.failed(DiskError(str(error)))
            else:
                self._settle(work, outcome)
                self._restarts = 0
                self._retries.ended_well(work)
                for note in () if outcome.reused else work.artifact.manifest.details.get("notes", ()):
                    self._tell(f"trial {work.owner}: {note}")
                return
        if isinstance(outcome.exception(), DeviceAwayError):
            self._put_back(work, outcome)
            return
        settled = self._retries.settle(work, outcome)
        if settled is None:
            work.note_attempt(outcome)
            self._waiting.add(work)
        else:
            self._settle(work, settled)

    def _settle(self, work: Work, outcome: Outcome) -> None:
        work.outcome = outcome
        self._changed |= work.askers
        work.askers.clear()

    def _give_up(self) -> bool:
        """Give up what waits for devices that do not become steady, where nothing else is left to do."""
        if not all(map(self._retries.rests, self._waiting.devices)):
            return False
        given_up = self._retries.give_up(self._waiting)
        self._waiting.drop(given_up)
        for work in given_up:
            assert work.outcome is not None
            self._settle(work, work.outcome)
        return bool(given_up)

    def _restart(self, error: ClusterError) -> None:
        """Put back what ran and start the engine again, at most `retry.tries` times."""
        for work in self._running.values():
            seen = Outcome.failed(error).seen(work.submitted, self._date())
            work.note_attempt(seen)
            self._leave(work, seen)
            self._waiting.add(work)
        self._running.clear()
        self._load = Load()
        while True:
            self._restarts += 1
            if self._restarts >= self._retry.tries:
                raise ClusterError(f"{error}; this happened {self._restarts} times; fix this, then go on with --resume")
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
            raise DeviceAwayError(f"{error}; this happened {work.tries} times with one measurement")
        work.note_attempt(outcome)
        self._waiting.add(work, first=True)
        self._lose_patience(work, str(error))

    def _begin(self) -> None:
        """Begin what can begin, by rank. Where the first job of a group cannot, no other of the group is looked at."""
        for work in self._elsewhere.look():
            if work.artifact is not None:
                self._settle(work, Outcome(reused=True))
            else:
                self._waiting.add(work, first=True)
        self._waiting.wake(self._clock())
        capacity, alone_next = self._engine.capacity, False
        heads = feed_trainer(self._waiting, self._load, capacity, self._places)
        chosen: dict[Key, tuple[Work, Job]] = {}
        while heads:
            _, group = heapq.heappop(heads)
            if not self._retries.may_try(group.device, self._load.on(group.device)):
                continue
            work = self._waiting.first(group)
            if (job := self._place(work)) is None:
                continue
            if not self._load.fits(work, job, capacity) or (alone_next and job.resources.amounts):
                # Whatever began now would put off a job that waits to be alone, perhaps for ever.
                alone_next = alone_next or alone(work, job, capacity)
                continue
            if (rank := self._waiting.take(group)) is not None:
                heapq.heappush(heads, (rank, group))
            if job.target is not None and self._places is not None:
                self._places.begin(job)
                work.placed = job
            self._load.add(work)
            chosen[work.job.id] = work, job
        self._begin_chosen(chosen)

    def _begin_chosen(self, chosen: dict[Key, tuple[Work, Job]]) -> None:
        """Hand jobs to the engine, but for those that another driver does."""
        granted = set(self._claims.take(chosen)) if chosen else set()
        for work, _ in [chosen.pop(name) for name in list(chosen) if name not in granted]:
            self._load.remove(work)
            self._leave_device(work, Outcome(reused=True))
            self._elsewhere.add(work)
        try:
            for name, (work, job) in list(chosen.items()):
                if job.resources.exclusive:
                    self._quiesce()
                work.submitted = self._date()
                self._running[self._engine.submit(self.store, job)] = work
                self._account.begun(job)
                del chosen[name]
        except ClusterError as error:
            for work, _ in chosen.values():
                self._leave_device(work, Outcome.failed(error))
                self._claims.release(work.job.id)
                self._waiting.add(work, first=True)
            raise

    def _leave(self, work: Work, outcome: Outcome) -> None:
        """A job is over, or this try of it."""
        self._account.ended(work.placed or work.job, outcome)
        self._claims.release(work.job.id)
        self._leave_device(work, outcome)

    def _leave_device(self, work: Work, outcome: Outcome) -> None:
        if work.placed is not None and self._places is not None:
            self._places.end(work.placed, outcome)
            work.placed = None

    def _place(self, work: Work) -> Job | None:
        target = work.job.target
        if target is None or self._places is None:
            return work.job
        placed = self._places.place(work.job)
        if placed is None and (reason := self._places.absent(work.job)):
            self._lose_patience(work, reason)
        else:
            self._away_since.pop(target, None)
        return placed

    def _lose_patience(self, work: Work, reason: str) -> None:
        now, target = self._clock(), work.job.target or ""
        since = self._away_since.setdefault(target, now)
        if now - since >= self._patience_seconds:
            raise DeviceAwayError(f"no device for {target!r} for {(now - since) / 60:.0f} minutes: {reason}")
