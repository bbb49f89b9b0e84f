"""What must outlive the agent: leases, jobs and recent results, in one SQLite file.

Every change is on disk when its method returns: neither `kill -9` nor a power cut loses it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqn.device.agent.queue.disk import room_needed
from mqn.device.wire import JobState, LeaseState
from mqn.errors import DeviceError

VERSION = 1
REMEMBERED = 64
REMEMBERED_BYTES = 256_000_000

_TABLES = """
create table if not exists leases (
    id text primary key, sequence integer not null, client text not null, key text, holder text not null,
    ttl_seconds real not null, state text not null, granted integer not null default 0, unique (client, key)
) strict;
create table if not exists jobs (
    id text primary key, sequence integer not null, client text not null, key text, lease text not null,
    request text not null, state text not null, attempts integer not null default 0, answer text, unique (client, key)
) strict;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRow:
    """A lease as it is kept.

    Attributes:
        id: its name.
        sequence: when it was asked for, among all.
        client: whose token asked.
        key: the idempotency key; None without.
        holder: who is to have the device.
        ttl_seconds: how long it lasts without a sign of life.
        state: where it stands.
        granted: when it was granted, among all; 0 before.
    """

    id: str
    sequence: int
    client: str
    key: str | None
    holder: str
    ttl_seconds: float
    state: LeaseState
    granted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job as it is kept, without its answer.

    Attributes:
        id: its name.
        sequence: when it was posted, among all.
        client: whose token posted it.
        key: the idempotency key; None without.
        lease: under which it was posted.
        request: `wire.JobRequest` as canonical JSON.
        state: where it stands.
        attempts: how often it was begun.
    """

    id: str
    sequence: int
    client: str
    key: str | None
    lease: str
    request: str
    state: JobState
    attempts: int


class QueueDatabase:
    """The file. Its methods may be called from any thread, one at a time.

    Those that write raise a `FullDiskError` where the disk has no room.
    """

    def __init__(self, path: Path) -> None:
        """Open the database, or make it.

        Raises:
            DeviceError: it is damaged, cannot be written to, or is of another version.
        """
        self._path = path
        with room_needed("the queue's record"):
            try:
                self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
                self._base.row_factory = sqlite3.Row
                self._base.execute("pragma journal_mode = wal")
                self._base.execute("pragma synchronous = full")
                self._base.execute("pragma journal_size_limit = 4000000")
                (version,) = self._base.execute("pragma user_version").fetchone()
                if version not in (0, VERSION):
                    raise DeviceError(f"{path} is another version's ({version}); move it away to begin anew")
                self._base.executescript(f"begin; {_TABLES} pragma user_version = {VERSION}; commit;")
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                        raise
                    raise DeviceError(f"cannot use {path} ({error}); choose another --folder") from error
                raise DeviceError(f"{path} is damaged ({error}); move it away to begin anew") from error

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def leases(self) -> list[LeaseRow]:
        """Every lease that is remembered, in the order they were asked for."""
        return [LeaseRow(**row) for row in self._read("select * from leases order by sequence")]

    def lease(self, lease_id: str) -> LeaseRow | None:
        """One lease; None if it is unknown."""
        return next((LeaseRow(**row) for row in self._read("select * from leases where id = ?", lease_id)), None)

    def lease_of_key(self, client: str, key: str) -> LeaseRow | None:
        """The lease that was asked for under an idempotency key; None if there is none."""
        rows = self._read("select * from leases where client = ? and key = ?", client, key)
        return next((LeaseRow(**row) for row in rows), None)

    def add_lease(self, row: LeaseRow) -> None:
        """Write a lease down, and forget those that ended long ago."""
        with room_needed("a lease"):
            self._base.execute("insert into leases values (?, ?, ?, ?, ?, ?, ?, ?)", _values(row))
            self._base.execute(
                "delete from leases where state = 'ended' and id not in"
                " (select id from leases where state = 'ended' order by sequence desc limit ?)",
                (REMEMBERED,),
            )

    def set_lease(self, lease_id: str, state: LeaseState, granted: int) -> None:
        """Write down where a lease stands."""
        with room_needed("a lease"):
            self._base.execute("update leases set state = ?, granted = ? where id = ?", (state, granted, lease_id))

    def unfinished(self) -> list[JobRow]:
        """The jobs that have not ended, in the order they were posted."""
        return self._jobs("where state in ('queued', 'running') order by sequence")

    def job(self, job_id: str) -> JobRow | None:
        """One job; None if it is unknown."""
        return next(iter(self._jobs("where id = ?", job_id)), None)

    def job_of_key(self, client: str, key: str) -> JobRow | None:
        """The job that was posted under an idempotency key; None if there is none."""
        return next(iter(self._jobs("where client = ? and key = ?", client, key)), None)

    def answer(self, job_id: str) -> str | None:
        """What came of a job: its `wire.JobStatus` as JSON; None before it ended, or if it is unknown."""
        return next((row["answer"] for row in self._read("select answer from jobs where id = ?", job_id)), None)

    def add_job(self, row: JobRow) -> None:
        """Write a job down."""
        with room_needed("a job"):
            self._base.execute("insert into jobs values (?, ?, ?, ?, ?, ?, ?, ?, null)", _values(row))

    def set_job(self, job_id: str, state: JobState, attempts: int) -> None:
        """Write down where an unfinished job stands."""
        with room_needed("a job"):
            self._base.execute("update jobs set state = ?, attempts = ? where id = ?", (state, attempts, job_id))

    def end_job(self, job_id: str, state: JobState, answer: str) -> None:
        """Write down what came of a job, and forget those that ended long ago."""
        with room_needed("a result"):
            self._base.execute("update jobs set state = ?, answer = ? where id = ?", (state, answer, job_id))
            ended = self._read(
                "select id, sum(length(answer)) over (order by sequence desc) as bytes from jobs"
                " where answer is not null order by sequence desc"
            )
            for index, row in enumerate(ended):
                if index and (index >= REMEMBERED or row["bytes"] > REMEMBERED_BYTES):
                    self._base.execute("delete from jobs where id = ?", (row["id"],))

    def last_sequence(self) -> int:
        """The highest number that anything in it has."""
        ((jobs, leases, granted),) = self._read(
            "select (select coalesce(max(sequence), 0) from jobs), (select coalesce(max(sequence), 0) from leases),"
            " (select coalesce(max(granted), 0) from leases)"
        )
        return int(max(jobs, leases, granted))

    def _jobs(self, where: str, *values: Any) -> list[JobRow]:
        names = "id, sequence, client, key, lease, request, state, attempts"
        return [JobRow(**row) for row in self._read(f"select {names} from jobs {where}", *values)]  # noqa: S608

    def _read(self, query: str, *values: Any) -> Sequence[sqlite3.Row]:
        return self._base.execute(query, values).fetchall()


def _values(row: LeaseRow | JobRow) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in row.__slots__)
