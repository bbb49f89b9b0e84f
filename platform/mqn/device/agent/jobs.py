"""The agent's queue: bounded, one job at a time, in one worker thread that sleeps when there is none."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from mqn.device.agent.store import Store
from mqn.device.backends.isolation import KillSwitch
from mqn.device.session import SessionFile
from mqn.device.wire import JobRequest, JobState, JobStatus
from mqn.records import Measurement, MeasureSettings

# Measures files; another thread may pull the switch meanwhile.
Bench = Callable[[tuple[SessionFile, ...], MeasureSettings, KillSwitch], Measurement]

CAPACITY = 8
REMEMBERED = 64


class QueueFullError(Exception):
    """As many jobs wait as may."""


class MissingModelError(Exception):
    """A job names a model that is not in the store; carries its SHA-256."""


class KeyReusedError(Exception):
    """An idempotency key came again with another request."""


class Job:
    """One request on its way through the queue."""

    def __init__(self, request: JobRequest, folder: Path) -> None:
        self.id = uuid.uuid4().hex
        self.request = request
        self.folder = folder
        self.switch = KillSwitch()
        self.state: JobState = "queued"
        self.start: Future[None] = Future()
        self.ending: Future[Measurement | None] = Future()

    @property
    def status(self) -> JobStatus:
        """Where it stands now."""
        measurement = self.ending.result() if self.state == "done" else None
        return JobStatus(id=self.id, state=self.state, measurement=measurement)

    @property
    def files(self) -> tuple[SessionFile, ...]:
        """What is to be measured, in the job's own folder."""
        return tuple(
            SessionFile(part=file.part, sha256=file.sha256, path=self.folder / file.part) for file in self.request.files
        )


class Jobs:
    """The queue, its worker, and the jobs of late with their results."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        bench: Bench,
        *,
        capacity: int = CAPACITY,
        on_breakdown: Callable[[], None] = lambda: None,
    ) -> None:
        """Start the worker.

        Args:
            store: where the models are.
            folder: where each job gets a folder of its own until it ends.
            bench: what carries a job out.
            capacity: how many jobs may wait beside the one that runs.
            on_breakdown: called when the worker ends by an error of its own; no job will be carried out any more.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._store, self._folder, self._bench, self._capacity = store, folder, bench, capacity
        self._on_breakdown = on_breakdown
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._waiting: deque[Job] = deque()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._keys: dict[str, str] = {}
        self._closed = False
        self._worker = threading.Thread(target=self._run, name="bench", daemon=True)
        self._worker.start()

    def submit(self, request: JobRequest, key: str | None = None) -> JobStatus:
        """Queue a job, or find the one that was queued under the same key.

        Args:
            request: what to measure.
            key: the client's idempotency key.

        Raises:
            QueueFullError: as many wait as may.
            MissingModelError: a model is not in the store.
            KeyReusedError: the key belongs to another request.
        """
        with self._lock:
            if key is not None and key in self._keys:
                known = self._jobs[self._keys[key]]
                if known.request != request:
                    raise KeyReusedError
                return known.status
            if len(self._waiting) >= self._capacity or self._closed:
                raise QueueFullError
            job = Job(request, Path(tempfile.mkdtemp(prefix="job-", dir=self._folder)))
            for file in job.files:
                if not self._store.lend(file.sha256, file.path):
                    shutil.rmtree(job.folder)
                    raise MissingModelError(file.sha256)
            self._remember(job, key)
            self._waiting.append(job)
            self._work.notify()
            return job.status

    def status(self, job_id: str) -> JobStatus | None:
        """Where a job stands; None if there is none of that name, or it ended long ago."""
        with self._lock:
            job = self._jobs.get(job_id)
            return None if job is None else job.status

    async def wait(self, job_id: str, seconds: float) -> JobStatus | None:
        """Like `status`, but as soon as the state changes, or after so many seconds. Nothing runs while it waits."""
        with self._lock:
            job = self._jobs.get(job_id)
            change = None if job is None else job.start if job.state == "queued" else job.ending
        if change is not None and seconds > 0:
            # `asyncio.wait` leaves the future alone when time is over, where `wait_for` would cancel the job's.
            await asyncio.wait([asyncio.wrap_future(change)], timeout=seconds)
        return self.status(job_id)

    def cancel(self, job_id: str) -> JobStatus | None:
        """End a job that has not ended yet; None if there is none of that name."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None:
                return None
            if job.state in ("queued", "running"):
                if job.state == "queued":
                    self._waiting.remove(job)
                    shutil.rmtree(job.folder, ignore_errors=True)
                    job.start.set_result(None)
                job.state = "cancelled"
                job.switch.pull()
                job.ending.set_result(None)
            return job.status

    def close(self) -> None:
        """Cancel everything and stop the worker."""
        with self._lock:
            self._closed = True
            unfinished = [job.id for job in self._jobs.values() if job.state in ("queued", "running")]
            self._work.notify_all()
        for job_id in unfinished:
            self.cancel(job_id)
        self._worker.join()

    def _remember(self, job: Job, key: str | None) -> None:
        self._jobs[job.id] = job
        if key is not None:
            self._keys[key] = job.id
        ended = [old.id for old in self._jobs.values() if old.state in ("done", "cancelled")]
        for old in ended[: max(0, len(ended) - REMEMBERED)]:
            del self._jobs[old]
            self._keys = {key: job_id for key, job_id in self._keys.items() if job_id != old}

    def _run(self) -> None:
        try:
            self._carry_out()
        finally:
            if not self._closed:
                self._on_breakdown()

    def _carry_out(self) -> None:
        while (job := self._take()) is not None:
            try:
                measurement = self._bench(job.files, job.request.settings, job.switch)
            finally:
                shutil.rmtree(job.folder, ignore_errors=True)
            with self._lock:
                if job.state == "running":
                    job.state = "done"
                    job.ending.set_result(measurement)

    def _take(self) -> Job | None:
        with self._lock:
            while not self._waiting and not self._closed:
                self._work.wait()
            if self._closed:
                return None
            job = self._waiting.popleft()
            job.state = "running"
            job.start.set_result(None)
            return job
