"""The agent's queue of jobs: bounded, kept on disk, carried out one at a time by one worker thread."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from mqn.device import machine
from mqn.device.agent.queue.database import JobRow, QueueDatabase
from mqn.device.agent.queue.disk import check_room, room_needed
from mqn.device.agent.queue.job import DeviceJob, JobAnswer
from mqn.device.agent.queue.leases import Leases
from mqn.device.agent.queue.notification import Notification
from mqn.device.agent.queue.refusals import (
    DrainingError,
    FullDiskError,
    FullQueueError,
    KeyReusedError,
    MissingModelError,
)
from mqn.device.agent.queue.results import Bench, carry_out, give_up
from mqn.device.agent.queue.store import Store
from mqn.device.wire import JobRequest, JobStatus
from mqn.parsing import from_mapping, to_plain
from mqn.records import DeviceInfo

CAPACITY = 8
MAX_ATTEMPTS = 2


class Jobs:
    """The queue, its worker, and recent results."""

    def __init__(
        self,
        database: QueueDatabase,
        leases: Leases,
        store: Store,
        folder: Path,
        bench: Bench,
        describe: Callable[[], DeviceInfo],
        *,
        capacity: int = CAPACITY,
        on_ended: Callable[[DeviceJob, JobStatus, float], None] = lambda _job, _status, _seconds: None,
        on_breakdown: Callable[[], None] = lambda: None,
    ) -> None:
        """Take up the jobs of the database and start the worker.

        Args:
            database: where jobs are kept.
            leases: under which they are posted.
            store: where the models are.
            folder: where each job gets a folder of its own until it ends.
            bench: what carries a job out.
            describe: says who the device is.
            capacity: how many jobs may wait beside the one that runs.
            on_ended: called with what ended, what came of it, and how many seconds it ran.
            on_breakdown: called when the worker ends by an error of its own; no job will be carried out any more.
        """
        self._database, self._leases, self._store, self._folder = database, leases, store, folder
        self._bench, self._describe, self._capacity = bench, describe, capacity
        self._on_ended, self._on_breakdown = on_ended, on_breakdown
        self._lock = leases.lock
        self._work = threading.Condition(self._lock)
        self._sequence = database.last_sequence()
        self._live: dict[str, DeviceJob] = {}
        # Results of jobs that ended while the disk was full; written as soon as there is room.
        self._unwritten: dict[str, JobStatus] = {}
        self._draining = self._closed = self._broken = False
        with self._lock:
            leases.drop_jobs = self._drop_lease
            self._take_up()
        self._worker = threading.Thread(target=self._run, name="bench", daemon=True)
        self._worker.start()

    def submit(self, request: JobRequest, lease_id: str | None, client: str = "", key: str | None = None) -> JobAnswer:
        """Queue a job, or find the one that was queued under the same key.

        Args:
            request: what to measure.
            lease_id: the lease that it is posted under, asked for with the same token.
            client: whose token posts it; the job and the key are its own.
            key: the client's idempotency key.

        Raises:
            NotHeldError: the lease is not held.
            FullQueueError: as many wait as may.
            DrainingError: the agent is on its way down.
            MissingModelError: a model is not in the store.
            KeyReusedError: the key belongs to another request.
            FullDiskError: there is no room for it.
        """
        plain = json.dumps(to_plain(request), sort_keys=True, allow_nan=False)
        with self._lock:
            known = None if key is None else self._database.job_of_key(client, key)
            if known is not None:
                if (known.request, known.lease) != (plain, lease_id):
                    raise KeyReusedError("this Idempotency-Key belongs to another job")
                return self._require(known.id)
            if self._draining:
                raise DrainingError("the agent is being stopped and takes no jobs; try again later")
            self._leases.check_held(lease_id, client)
            assert lease_id is not None
            waiting = sum(job.state == "queued" for job in self._live.values())
            if waiting >= self._capacity:
                raise FullQueueError(f"{waiting} jobs wait already; try again when one of them has ended")
            check_room(self._folder, "a job")
            self._sequence += 1
            row = JobRow(
                id=uuid.uuid4().hex,
                sequence=self._sequence,
                client=client,
                key=key,
                lease=lease_id,
                request=plain,
                state="queued",
                attempts=0,
            )
            self._add(row, request)
            return self._require(row.id)

    def status(self, job_id: str) -> JobAnswer | None:
        """A job's status; None if it is unknown, or ended long ago."""
        with self._lock:
            job = self._live.get(job_id)
            if job is not None:
                return JobAnswer.of(JobStatus(id=job.id, state=job.state))
            if job_id in self._unwritten:
                return JobAnswer.of(self._unwritten[job_id])
            text = self._database.answer(job_id)
            return None if text is None else JobAnswer(text=text, ended=True)

    def owner(self, job_id: str) -> str | None:
        """Whose token posted a job; None if it is unknown."""
        with self._lock:
            job = self._live.get(job_id)
            row = self._database.job(job_id) if job is None else job.row
            return None if row is None else row.client

    def find(self, job_id: str) -> tuple[str, Notification] | None:
        """The lease of a job that has not ended, and the notification of its changes; None otherwise."""
        with self._lock:
            job = self._live.get(job_id)
            return None if job is None else (job.row.lease, job.change)

    def cancel(self, job_id: str, reason: str = "") -> JobAnswer | None:
        """End a job that has not ended yet; None if it is unknown. The reason is for others than its client."""
        with self._lock:
            if job_id in self._live:
                self._end(self._live[job_id], JobStatus(id=job_id, state="cancelled", error=reason))
            return self.status(job_id)

    def count(self) -> dict[str, int]:
        """How many are `running` and how many `queued`."""
        with self._lock:
            states = [job.state for job in self._live.values()]
        return {"running": states.count("running"), "queued": states.count("queued")}

    def drain(self, seconds: float) -> bool:
        """Take no more jobs, and wait some seconds for the running one; returns whether it has ended."""
        with self._lock:
            self._draining = True
            self._work.notify_all()
            return self._work.wait_for(lambda: self._closed or not self.count()["running"], seconds)

    def close(self) -> None:
        """Stop the worker and its job. Jobs that have not ended stay in the database, to be done later."""
        with self._lock:
            self._draining = self._closed = True
            for job in self._live.values():
                job.switch.pull()
                job.change.tell()
            self._work.notify_all()
        self._worker.join()
        with self._lock:
            for job in self._live.values():
                # A job that was stopped on purpose does not count as tried.
                stopped = job.state == "running" and not self._broken
                with contextlib.suppress(FullDiskError):
                    self._database.set_job(job.id, "queued", job.attempts - stopped)

    def _take_up(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for row in self._database.unfinished():
            request = from_mapping(JobRequest, json.loads(row.request), source=f"job {row.id}")
            self._live[row.id] = job = DeviceJob(row, request, self._folder / row.id)
            lease = self._leases.status(row.lease)
            if lease is None or lease.state == "ended":
                self._end(job, JobStatus(id=row.id, state="cancelled", error="its lease ended"))
            elif row.attempts >= MAX_ATTEMPTS:
                self._end(job, give_up(job, self._describe))
            elif not self._lend(job):
                self._end(job, JobStatus(id=row.id, state="cancelled", error="the agent lost its model in a restart"))
        for path in self._folder.iterdir():
            if path.name not in self._live:
                shutil.rmtree(path, ignore_errors=True)

    def _add(self, row: JobRow, request: JobRequest) -> None:
        job = DeviceJob(row, request, self._folder / row.id)
        try:
            with room_needed("a job"):
                job.folder.mkdir()
                self._lend(job, strict=True)
                self._database.add_job(row)
        except BaseException:
            shutil.rmtree(job.folder, ignore_errors=True)
            raise
        self._live[row.id] = job
        self._work.notify_all()

    def _lend(self, job: DeviceJob, *, strict: bool = False) -> bool:
        """Put a job's models into its folder, so that the store may drop them."""
        job.folder.mkdir(exist_ok=True)
        for file in (*job.files, *job.against):
            if not file.path.exists() and not self._store.lend(file.sha256, file.path):
                if strict:
                    raise MissingModelError(f"no model {file.sha256} here; PUT it first")
                return False
        return True

    def _drop_lease(self, lease_id: str, reason: str) -> None:
        for job in [job for job in self._live.values() if job.row.lease == lease_id]:
            self.cancel(job.id, reason)

    def _require(self, job_id: str) -> JobAnswer:
        found = self.status(job_id)
        assert found is not None
        return found

    def _end(self, job: DeviceJob, status: JobStatus) -> None:
        del self._live[job.id]
        was_running, job.state = job.state == "running", status.state
        self._unwritten[job.id] = status
        for job_id, unwritten in list(self._unwritten.items()):
            with contextlib.suppress(FullDiskError):
                self._database.end_job(job_id, unwritten.state, JobAnswer.of(unwritten).text)
                del self._unwritten[job_id]
        job.switch.pull()
        if not was_running:
            # The worker may still write to the folder of a running job.
            shutil.rmtree(job.folder, ignore_errors=True)
        job.change.tell()
        self._work.notify_all()
        self._on_ended(job, status, time.monotonic() - job.began if was_running else 0.0)

    def _run(self) -> None:
        try:
            while (job := self._take()) is not None:
                status = carry_out(job, self._bench, self._folder)
                with self._lock:
                    if not self._closed:
                        shutil.rmtree(job.folder, ignore_errors=True)
                        if job.id in self._live:
                            self._end(job, status)
                del status
                machine.trim_memory()
        except BaseException:
            # A mistake in the program: it counts as an attempt of the job, or the job would repeat it for ever.
            self._broken = True
            self._on_breakdown()
            raise

    def _take(self) -> DeviceJob | None:
        with self._lock:
            while not self._closed:
                waiting = [job for job in self._live.values() if job.state == "queued"]
                if not waiting or self._draining:
                    self._work.wait()
                elif self._begin(job := min(waiting, key=lambda job: job.row.sequence)):
                    return job
            return None

    def _begin(self, job: DeviceJob) -> bool:
        job.attempts += 1
        try:
            self._database.set_job(job.id, "running", job.attempts)
        except FullDiskError as error:
            self._end(job, JobStatus(id=job.id, state="cancelled", error=str(error)))
            return False
        job.state, job.began = "running", time.monotonic()
        job.change.tell()
        return True
