"""A driver's lease on its study. Signs of life keep it; a driver that gives none for long enough loses it.

Any number of drivers hold a lease on one study. Each watches the signs of life of all others by its own monotonic
clock. It removes the row of a driver that is dead, and with it what that driver held: others take that up. A driver
that has lost its row notices at its next sign of life or its next write: every transaction checks the row.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator

import sqlalchemy.exc
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy import delete, func, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from mqn.errors import FaultError, StudyBusyError
from mqn.search.storage.claims import JobClaims, drop_row, take_row
from mqn.search.storage.database import Database
from mqn.search.storage.drivers import LEASE_SECONDS, Driver, read_drivers
from mqn.search.storage.retrying import Patience
from mqn.search.storage.seats import give_sign, has_seat, leave_seat, remove_driver, take_seat
from mqn.search.storage.tables import CLAIMS, DRIVERS, HOLDS, make_tables
from mqn.search.storage.watching import Watch

_BEATS = 6  # signs of life in the time of a lease
_LOOK_SECONDS = 1.0
_LOCK_SECONDS = 0.2  # between two tries at a lock
_LOCK = "lock"


class GoalReachedError(Exception):
    """A trial was not begun, because the study has as many as it is to have."""


class Lease:
    """The right of one driver to write to a study, beside others."""

    def __init__(
        self,
        database: Database,
        study: str,
        patience: Patience,
        *,
        seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Prepare a lease; `take` takes it.

        Args:
            database: where the study is. It need not exist yet.
            study: its name.
            patience: with the database.
            seconds: after so long without a sign of life a driver counts as dead. Equal for all drivers of a study.
            clock: monotonic seconds.
            sleep: waits for other drivers.
        """
        self.driver = uuid.uuid4().hex
        self.study = study
        self.jobs = JobClaims(self)
        self._database, self.patiently = database, patience
        self.engine = database.engine
        self._seconds, self._clock, self._sleep = seconds, clock, sleep
        self._watch = Watch(seconds, clock)
        self._lost = threading.Event()
        self._over = threading.Event()
        self._pulse: threading.Thread | None = None
        self._most: tuple[int, int] | None = None

    def take(self, *, alone: bool = False, say: Callable[[str], object] = lambda _: None) -> None:
        """Join the drivers of the study.

        Args:
            alone: refuse if another driver lives, and let none join meanwhile: the study is about to be deleted.
            say: told in one line who else drives the study.

        Raises:
            StudyBusyError: another driver lives that excludes this one; names its host and process.
            DatabaseAwayError: the database is away for longer than the patience.
        """
        self.patiently(lambda _: make_tables(self.engine))
        while not self.patiently(lambda _: take_seat(self.engine, self.driver, self.study, alone=alone)):
            pass
        try:
            self._keep_apart(alone=alone, say=say)
        except BaseException:
            self.give_back()
            raise
        self._database.guard = self._check_commit
        self._database.made = self._hold_made
        others = self.others()
        if others:
            say(f"study {self.study!r} is driven by {_list(others)} too")

    def keep(self) -> None:
        """Give signs of life, and watch those of others, from a thread: however long a step of the driver takes."""
        self._pulse = threading.Thread(target=self._beat_on, name="lease", daemon=True)
        self._pulse.start()

    def check(self) -> None:
        """Make sure that the lease is still ours. A StudyBusyError says that it is lost, and how to go on."""
        if self._lost.is_set():
            raise self._taken()

    def confirm(self) -> bool:
        """Ask the database whether the lease is still ours. False also where the database does not answer."""
        if not self._lost.is_set():
            with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError), self.engine.connect() as connection:
                if has_seat(connection, self.driver):
                    return True
                self._lost.set()
        return False

    def beat(self) -> None:
        """Give one sign of life, or learn that the lease is lost; remove other drivers that are dead."""
        if not give_sign(self.engine, self.driver):
            self._lost.set()
            return
        with self.engine.connect() as connection:
            drivers = read_drivers(connection)
        for driver in self._watch.look(drivers):
            if driver.id != self.driver:
                remove_driver(self.engine, driver)

    def others(self) -> list[Driver]:
        """The other drivers of the study, as far as nobody has found them dead."""
        return [driver for driver in self.patiently(lambda _: self._read()) if driver.id != self.driver]

    def give_back(self) -> None:
        """Leave the study. Where the database is away, the lease ends by itself."""
        self._over.set()
        if self._pulse is not None:
            self._pulse.join()
        self._database.guard = lambda _: None
        self._database.made = lambda _session, _trial: None
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
            leave_seat(self.engine, self.driver)

    def claim(self, trial: int) -> bool:
        """Hold a trial, unless another driver holds it. Returns whether this driver holds it now.

        `trial` is Optuna's id.
        """
        return take_row(self, HOLDS, {"trial": trial}, {"study": self.study})

    def let_go(self, trial: int) -> None:
        """Release a trial."""
        drop_row(self, HOLDS, {"trial": trial})

    def let_go_in(self, connection: Connection | Session, trial: int) -> None:
        """Release a trial within a transaction."""
        connection.execute(delete(HOLDS).where(HOLDS.c.trial == trial, HOLDS.c.driver == self.driver))

    @contextlib.contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Keep other drivers of the study from doing the same while the block runs; waits for one that does.

        `what` names it.

        Raises:
            StudyBusyError: the lease was lost while waiting.
        """
        lock = {"stage": _LOCK, "key": f"{what} {self.study}"[:255]}
        while not take_row(self, CLAIMS, lock):
            self.check()
            self._sleep(_LOCK_SECONDS)
        try:
            yield
        finally:
            drop_row(self, CLAIMS, lock)

    @contextlib.contextmanager
    def beginning(self, study_id: int, most: int) -> Iterator[None]:
        """Refuse a transaction of the block if it begins a trial beyond `most`, whoever else begins some.

        Args:
            study_id: Optuna's.
            most: how many trials of the study may have begun, those that ended included.

        Raises:
            GoalReachedError: so many have begun already; nothing was written.
        """
        self._most = (study_id, most)
        try:
            yield
        finally:
            self._most = None

    def check_row(self, connection: Connection | Session) -> None:
        """Refuse a transaction when the lease is lost. Nobody can remove the row before the transaction has ended."""
        mine = select(DRIVERS.c.id).where(DRIVERS.c.id == self.driver)
        if connection.execute(mine.with_for_update(read=True)).first() is None:
            self._lost.set()
            raise self._taken()

    def _keep_apart(self, *, alone: bool, say: Callable[[str], object]) -> None:
        """Remove drivers that are dead; make sure that none lives beside a driver that needs the study alone.

        Of two that exclude each other, both have a row before they look, so at least one is refused.
        """
        first: dict[str, Driver] = {}
        while True:
            self.patiently(lambda _: self.beat())
            rivals = [other for other in self.others() if alone or other.seat < 0]
            if not rivals:
                return
            for rival in rivals:
                if rival.id not in first:
                    first[rival.id] = rival
                    if rival.dead() is None or rival.stopped():
                        say(
                            f"{rival.shown} has driven study {self.study!r} since {rival.since_text}; watching up to "
                            f"{self._seconds:.0f} s whether it still does"
                        )
                if rival.beat != first[rival.id].beat or (rival.dead() is False and not rival.stopped()):
                    raise self._busy(rival)
            self._sleep(_LOOK_SECONDS)

    def _read(self) -> list[Driver]:
        with self.engine.connect() as connection:
            return read_drivers(connection, self.study)

    def _check_commit(self, session: Session) -> None:
        self.check_row(session)
        if self._most is None:
            return
        study_id, most = self._most
        # Whoever begins a trial waits here for the others, so that each counts what the others began.
        study, trial = models.StudyModel, models.TrialModel
        session.execute(select(study.study_id).where(study.study_id == study_id).with_for_update())
        begun = select(func.count()).select_from(trial).where(trial.study_id == study_id)
        if session.execute(begun.where(trial.state != TrialState.WAITING)).scalar_one() > most:
            raise GoalReachedError

    def _hold_made(self, session: Session, trial: int) -> None:
        """Hold a running trial from its first moment, or another driver would take it up."""
        session.execute(delete(HOLDS).where(HOLDS.c.trial == trial))  # SQLite uses ids of deleted trials again.
        session.execute(insert(HOLDS).values(trial=trial, study=self.study, driver=self.driver))

    def _beat_on(self) -> None:
        while not self._over.wait(self._seconds / _BEATS) and not self._lost.is_set():
            # The database is away: the next call that needs it says so, and waits.
            with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
                self.beat()

    def _busy(self, other: Driver) -> StudyBusyError:
        words = "is being deleted by" if other.seat < 0 else "is driven by"
        return StudyBusyError(
            f"study {self.study!r} {words} {other.shown} since {other.since_text}; wait for it, or start another "
            "study with --study NAME"
        )

    def _taken(self) -> StudyBusyError:
        others: list[Driver] = []
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError, FaultError):
            others = [driver for driver in self._read() if driver.id != self.driver]
        return StudyBusyError(
            f"this driver of study {self.study!r} gave no sign of life for {self._seconds:.0f} s, so what it did was "
            f"left to {_list(others) if others else 'others'}; it writes nothing more: join again with --resume"
        )


@contextlib.contextmanager
def drive(
    database: Database,
    study: str,
    patience: Patience,
    say: Callable[[str], object] = lambda _: None,
    *,
    alone: bool = False,
    seconds: float = LEASE_SECONDS,
) -> Iterator[Lease]:
    """Drive a study while the block runs, beside other drivers or alone; see `Lease.take`."""
    lease = Lease(database, study, patience, seconds=seconds)
    lease.take(alone=alone, say=say)
    lease.keep()
    try:
        yield lease
    finally:
        lease.give_back()


def _list(drivers: list[Driver]) -> str:
    return " and ".join(driver.shown for driver in drivers)
