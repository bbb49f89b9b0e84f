"""What one driver takes before others can: a trial, a job, a lock. A row in a table says who has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

import sqlalchemy.exc
from sqlalchemy import Table, and_, delete, exists, insert, or_, select, update
from sqlalchemy.engine import Connection, Engine

from mqn.search.storage.retrying import Patience
from mqn.search.storage.tables import CLAIMS, DRIVERS


class Holder(Protocol):
    """A driver that takes something; a `Lease`."""

    driver: str
    engine: Engine
    patiently: Patience

    def check_row(self, connection: Connection) -> None:
        """Refuse a transaction when the driver has lost its lease."""


def take_row(lease: Holder, table: Table, what: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> bool:
    """Take something for a driver, unless another driver has it that has a row of its own.

    Args:
        lease: the driver's.
        table: has the columns of `what`, which together are unique, and a column `driver`.
        what: is taken.
        more: further columns of the row.

    Returns:
        Whether the driver has it now, from before or from now on.

    Raises:
        StudyBusyError: the driver has lost its lease.
    """
    where = and_(*(table.c[name] == value for name, value in what.items()))

    def take(_again: bool) -> bool:
        try:
            with lease.engine.begin() as connection:
                connection.execute(insert(table).values(**what, **(more or {}), driver=lease.driver))
                lease.check_row(connection)
            return True
        except sqlalchemy.exc.IntegrityError:
            pass
        with lease.engine.begin() as connection:
            dead = ~exists(select(DRIVERS.c.id).where(DRIVERS.c.id == table.c.driver))
            free = or_(table.c.driver == lease.driver, dead)
            taken = connection.execute(update(table).where(where, free).values(driver=lease.driver)).rowcount == 1
            if taken:
                lease.check_row(connection)
            return taken

    return lease.patiently(take)


def drop_row(lease: Holder, table: Table, what: Mapping[str, Any]) -> None:
    """Let others have what the driver has taken."""
    where = and_(*(table.c[name] == value for name, value in what.items()))

    def drop(_again: bool) -> None:
        with lease.engine.begin() as connection:
            connection.execute(delete(table).where(where, table.c.driver == lease.driver))

    lease.patiently(drop)


class JobClaims:
    """The jobs that a driver has claimed, so that no other driver of the database does them meanwhile.

    A job is its stage and its key. Studies share artifacts, so they share claims.
    """

    def __init__(self, lease: Holder) -> None:
        """Claim for the driver of a lease."""
        self._lease = lease
        self._mine: set[tuple[str, str]] = set()
        self._done: set[tuple[str, str]] = set()

    def take(self, jobs: Collection[tuple[str, str]]) -> Collection[tuple[str, str]]:
        """Claim jobs, in one transaction where no other driver has one of them.

        Returns:
            The jobs that are granted; the others another driver does.

        Raises:
            StudyBusyError: the lease is lost.
        """
        self._done -= set(jobs)
        fresh = [job for job in jobs if job not in self._mine]
        rows = [{"stage": stage, "key": key, "driver": self._lease.driver} for stage, key in fresh]

        def take(_again: bool) -> bool:
            try:
                with self._lease.engine.begin() as connection:
                    self._drop(connection)
                    connection.execute(insert(CLAIMS), rows)
                    self._lease.check_row(connection)
            except sqlalchemy.exc.IntegrityError:
                return False
            return True

        at_once = bool(rows) and self._lease.patiently(take)
        if at_once:
            self._forget_done()
            self._mine.update(fresh)
        else:
            self._mine.update(
                (stage, key) for stage, key in fresh if take_row(self._lease, CLAIMS, {"stage": stage, "key": key})
            )
        return [job for job in jobs if job in self._mine]

    def release(self, job: tuple[str, str]) -> None:
        """Say that a job has ended. Others learn of it at the next `take` or `settle`."""
        self._done.add(job)

    def settle(self) -> None:
        """Let others have what was released."""
        if self._done:

            def settle(_again: bool) -> None:
                with self._lease.engine.begin() as connection:
                    self._drop(connection)

            self._lease.patiently(settle)
            self._forget_done()

    def _forget_done(self) -> None:
        self._mine -= self._done
        self._done.clear()

    def _drop(self, connection: Connection) -> None:
        if self._done:
            done = or_(*(and_(CLAIMS.c.stage == stage, CLAIMS.c.key == key) for stage, key in self._done))
            connection.execute(delete(CLAIMS).where(CLAIMS.c.driver == self._lease.driver, done))
