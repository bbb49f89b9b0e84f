"""A database of studies: its connection, Optuna's storage on it, and the drivers that it lists."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy import outerjoin, select
from sqlalchemy.orm import Session

from mqn.net.database_urls import sqlite_file
from mqn.net.sqlite_journal import begin_writing
from mqn.search.storage.database import Database, open_database
from mqn.search.storage.drivers import Driver, read_drivers, read_holds
from mqn.search.storage.retrying import Patience, PatientStorage
from mqn.search.storage.tables import DRIVERS, HOLDS

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyStore:
    """A database of studies, open: its connection, and Optuna's storage on it with the same patience."""

    url: str
    database: Database
    patience: Patience
    storage: PatientStorage

    def drivers(self, study: str) -> list[Driver]:
        """The drivers of a study that are alive."""
        return self.patience(lambda _: [driver for driver, _trials in self._read(study)])

    def holdings(self, study: str) -> list[tuple[Driver, frozenset[int]]]:
        """The drivers of a study that are alive, each with Optuna's ids of the trials that it holds."""
        return self.patience(lambda _: self._read(study))

    def held_trials(self, study: str) -> frozenset[int]:
        """Optuna's ids of the trials that living drivers of a study hold."""
        return frozenset().union(*(trials for _driver, trials in self.holdings(study)))

    def running(self, study_id: int) -> dict[int, str | None]:
        """Optuna's ids of the running trials of a study, each with the id of the driver that holds it.

        None: no driver holds it. A driver counts until it is found dead. `study_id` is Optuna's.
        """
        trial = models.TrialModel
        held = outerjoin(trial, HOLDS, HOLDS.c.trial == trial.trial_id)
        asked = select(trial.trial_id, DRIVERS.c.id).select_from(
            outerjoin(held, DRIVERS, DRIVERS.c.id == HOLDS.c.driver)
        )
        asked = asked.where(trial.study_id == study_id, trial.state == TrialState.RUNNING)
        return self.read(lambda session: {row.trial_id: row.id for row in session.execute(asked)})

    def read(self, act: Callable[[Session], T]) -> T:
        """Read, with the store's patience."""

        def attempt(_again: bool) -> T:
            with self.database.scoped_session() as session:
                return act(session)

        return self.patience(attempt)

    def write(self, study_id: int, act: Callable[[Session, bool], T], *, durable: bool = False) -> T:
        """Write in one transaction. No other makes trials of the study, or changes their states, meanwhile.

        Args:
            study_id: Optuna's id of the study.
            act: writes; is told whether it was tried before. Then it may have taken effect.
            durable: wait for the disk, so that a power cut loses nothing of it.
        """

        def attempt(again: bool) -> T:
            with self.database.scoped_session() as session:
                if self.database.engine.dialect.name == "sqlite":
                    begin_writing(session, durable=durable)
                else:
                    study = models.StudyModel.study_id
                    session.execute(select(study).where(study == study_id).with_for_update())
                found = act(session, again)
                session.commit()
                return found

        return self.patience(attempt)

    def _read(self, study: str) -> list[tuple[Driver, frozenset[int]]]:
        with self.database.engine.connect() as connection:
            alive = [driver for driver in read_drivers(connection, study) if driver.alive]
            holds = read_holds(connection, alive)
            return [(driver, holds[driver.id]) for driver in alive]


def is_absent(where: str | StudyStore) -> bool:
    """Whether the database is a file that does not exist. Opening it would make it."""
    file = sqlite_file(where) if isinstance(where, str) else None
    return file is not None and file.parent.is_dir() and not file.exists()


def connect(
    where: str | StudyStore,
    *,
    patience_seconds: float = 0.0,
    wait: bool = False,
    say: Callable[[str], object] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> StudyStore:
    """Open a database of studies, or take one that is open.

    Args:
        where: an SQLAlchemy URL, or what this function returned.
        patience_seconds: how long a later call may wait for the database.
        wait: whether opening it may wait as long too; otherwise it must be there now.
        say: told in a line when the database is waited for, and when it is back.
        clock: monotonic seconds.
        sleep: waits for some seconds between two tries.

    Raises:
        DatabaseAwayError: it does not answer.
        StudyError: it cannot be used.
    """
    if isinstance(where, StudyStore):
        return where
    patience = Patience(where, patience_seconds, clock=clock, sleep=sleep)
    patience.say = say
    database = patience(lambda _: open_database(where)) if wait else open_database(where)
    return StudyStore(url=where, database=database, patience=patience, storage=PatientStorage(database, patience))
