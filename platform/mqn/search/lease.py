"""A driver's lease on its study: kept by signs of life, lost to a driver that saw none for long enough.

The one that waits watches the count of signs of life by its own monotonic clock. The one that lost its lease learns it
from its next sign of life, and before that from its next write: every transaction of its storage looks for the lease.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
import uuid
from collections.abc import Callable, Iterator

import sqlalchemy.exc
from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from mqn.errors import FaultError, StudyBusyError
from mqn.search.database import Database
from mqn.search.drivers import DRIVERS, HOLDS, LEASE_SECONDS, Driver, make_tables, now, own_row, read_drivers
from mqn.search.patience import Patience

_BEAT_SECONDS = 5.0
_LOOK_SECONDS = 1.0
# Between two looks that lie further apart the observer was away itself, or the database was: it has seen no silence.
_GAP_SECONDS = 5.0
_SEAT = 0


class Lease:
    """One driver's right to run a study."""

    def __init__(self, database: Database, study: str, patience: Patience) -> None:
        """Prepare a lease; `take` takes it.

        Args:
            database: the study's.
            study: its name; it need not exist yet.
            patience: with the database.
        """
        self.driver = uuid.uuid4().hex
        self.study = study
        self._database, self._patiently = database, patience
        self._engine = database.engine
        self._lost = threading.Event()
        self._over = threading.Event()
        self._pulse: threading.Thread | None = None

    def take(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Take the study's seat, from a driver that is dead if need be.

        Args:
            clock: monotonic seconds.
            sleep: waits between two looks at another driver.
            say: told once that another driver is watched, and which.

        Raises:
            StudyBusyError: another driver lives; names its host and process.
            DatabaseAwayError: the database is away for longer than the patience.
        """
        self._patiently(lambda _: make_tables(self._engine))
        watched: Driver | None = None
        first = last = clock()
        while True:
            if self._patiently(self._sit_down):
                break
            found = self._patiently(lambda _: self._read())
            moment = clock()
            if found is None:  # It has just stood up.
                continue
            if watched is not None and (found.id, found.beat) != (watched.id, watched.beat):
                raise self._busy(found)
            dead = found.dead()
            if dead is False and not found.stopped():
                raise self._busy(found)
            if watched is None:
                watched, first = found, moment
                if not dead:
                    say(
                        f"{found.shown} has driven study {self.study!r} since {found.since_text}; watching up to "
                        f"{LEASE_SECONDS:.0f} s whether it still does"
                    )
            elif moment - last > _GAP_SECONDS:
                first = moment
            last = moment
            if dead or moment - first >= LEASE_SECONDS:
                if self._patiently(functools.partial(self._unseat, found)):
                    break
                continue
            sleep(_LOOK_SECONDS)
        self._database.guard = self._check_row

    def keep(self) -> None:
        """Give signs of life from a thread of its own, however long a step of the driver takes."""
        self._pulse = threading.Thread(target=self._beat_on, name="lease", daemon=True)
        self._pulse.start()

    def check(self) -> None:
        """Make sure that the lease is still ours.

        Raises:
            StudyBusyError: another driver has taken it; names host and process.
        """
        if self._lost.is_set():
            raise self._taken()

    def beat(self) -> None:
        """Give one sign of life, or learn that the lease is lost."""
        with self._engine.begin() as connection:
            mine = update(DRIVERS).where(DRIVERS.c.id == self.driver)
            found = connection.execute(mine.values(beat=DRIVERS.c.beat + 1, beaten=now(connection)))
            if found.rowcount == 0:
                self._lost.set()

    def give_back(self) -> None:
        """Stand up, if the database lets us; otherwise the lease ends by itself."""
        self._over.set()
        if self._pulse is not None:
            self._pulse.join()
        self._database.guard = lambda _: None
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError), self._engine.begin() as connection:
            connection.execute(delete(HOLDS).where(HOLDS.c.driver == self.driver))
            connection.execute(delete(DRIVERS).where(DRIVERS.c.id == self.driver))

    def claim(self, trial: int) -> bool:
        """Hold a trial, unless a driver that has a seat holds it.

        Args:
            trial: Optuna's id.

        Returns:
            Whether this driver holds it now.
        """
        return self._patiently(lambda _: self._claim(trial))

    def let_go(self, trial: int) -> None:
        """Hold a trial no longer."""

        def let_go(_again: bool) -> None:
            with self._engine.begin() as connection:
                connection.execute(delete(HOLDS).where(HOLDS.c.trial == trial, HOLDS.c.driver == self.driver))

        self._patiently(let_go)

    def _sit_down(self, _again: bool) -> bool:
        try:
            with self._engine.begin() as connection:
                moment = now(connection)
                row = own_row(self.driver, self.study, _SEAT)
                connection.execute(insert(DRIVERS).values(**row, since=moment, beaten=moment))
        except sqlalchemy.exc.IntegrityError:
            # Taken, by us where an earlier try was done and its answer lost.
            with self._engine.connect() as connection:
                return _sits(connection, self.driver)
        return True

    def _unseat(self, rival: Driver, _again: bool) -> bool:
        with self._engine.begin() as connection:
            moment = now(connection)
            row = own_row(self.driver, self.study, _SEAT)
            unchanged = (DRIVERS.c.id == rival.id) & (DRIVERS.c.beat == rival.beat)
            done = connection.execute(update(DRIVERS).where(unchanged).values(**row, since=moment, beaten=moment))
            if done.rowcount == 1:
                connection.execute(delete(HOLDS).where(HOLDS.c.driver == rival.id))
            return done.rowcount == 1 or _sits(connection, self.driver)

    def _read(self) -> Driver | None:
        with self._engine.connect() as connection:
            return next(iter(read_drivers(connection, self.study)), None)

    def _claim(self, trial: int) -> bool:
        row = {"trial": trial, "study": self.study, "driver": self.driver}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(HOLDS).values(**row))
        except sqlalchemy.exc.IntegrityError:
            with self._engine.begin() as connection:
                holder = connection.execute(select(HOLDS.c.driver).where(HOLDS.c.trial == trial)).scalar()
                if holder == self.driver:
                    return True
                if holder is not None and _sits(connection, holder):
                    return False
                theirs = (HOLDS.c.trial == trial) & (HOLDS.c.driver == holder)
                return connection.execute(update(HOLDS).where(theirs).values(driver=self.driver)).rowcount == 1
        return True

    def _check_row(self, session: Session) -> None:
        """Let a transaction pass only while the lease is ours; nobody can take it before the transaction has ended."""
        mine = select(DRIVERS.c.id).where(DRIVERS.c.id == self.driver)
        if session.execute(mine.with_for_update(read=True)).first() is None:
            self._lost.set()
            raise self._taken()

    def _beat_on(self) -> None:
        while not self._over.wait(_BEAT_SECONDS) and not self._lost.is_set():
            # Away: whoever needs the database next says so, and waits.
            with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
                self.beat()

    def _busy(self, other: Driver) -> StudyBusyError:
        return StudyBusyError(
            f"study {self.study!r} is driven by {other.shown} since {other.since_text}; wait for it, or start another "
            "study with --study NAME"
        )

    def _taken(self) -> StudyBusyError:
        words = "another driver"
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError, FaultError):
            other = self._read()
            words = words if other is None else other.shown
        return StudyBusyError(
            f"study {self.study!r} was taken over by {words}, which saw no sign of life of this driver for "
            f"{LEASE_SECONDS:.0f} s; this driver writes nothing more"
        )


@contextlib.contextmanager
def drive(
    database: Database, study: str, patience: Patience, say: Callable[[str], object] = lambda _: None
) -> Iterator[Lease]:
    """Hold a study alone.

    Args:
        database: the study's.
        study: its name.
        patience: with the database.
        say: told that another driver is watched, and which.

    Raises:
        StudyBusyError: another driver holds it.
    """
    lease = Lease(database, study, patience)
    lease.take(say=say)
    lease.keep()
    try:
        yield lease
    finally:
        lease.give_back()


def _sits(connection: Connection, driver: str) -> bool:
    return connection.execute(select(DRIVERS.c.id).where(DRIVERS.c.id == driver)).first() is not None
