"""Where studies are kept: a database with patience, Optuna's storage on it, and the drivers that it knows."""

from __future__ import annotations

from dataclasses import dataclass

from mqn.database_urls import sqlite_file
from mqn.search.database import Database, open_database
from mqn.search.drivers import Driver, held_trials, read_drivers
from mqn.search.patience import Patience, PatientStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyStore:
    """A database of studies, open.

    Attributes:
        url: its URL.
        database: the connection.
        patience: how long a call may wait for it.
        storage: Optuna's, with that patience.
    """

    url: str
    database: Database
    patience: Patience
    storage: PatientStorage

    def drivers(self, study: str) -> list[Driver]:
        """The drivers of a study that are alive."""

        def read(_again: bool) -> list[Driver]:
            with self.database.engine.connect() as connection:
                return [driver for driver in read_drivers(connection, study) if driver.alive]

        return self.patience(read)

    def held_trials(self, study: str) -> frozenset[int]:
        """Optuna's ids of the trials that living drivers of a study hold."""
        alive = self.drivers(study)

        def read(_again: bool) -> frozenset[int]:
            with self.database.engine.connect() as connection:
                return held_trials(connection, alive)

        return self.patience(read)


def is_absent(where: str | StudyStore) -> bool:
    """Whether a database is a file that nobody has made yet; to open it would make it."""
    file = sqlite_file(where) if isinstance(where, str) else None
    return file is not None and file.parent.is_dir() and not file.exists()


def connect(where: str | StudyStore, *, patience_seconds: float = 0.0) -> StudyStore:
    """Open a database of studies, or take one that is open.

    Args:
        where: an SQLAlchemy URL, or what this function returned.
        patience_seconds: how long a later call may wait for the database; it must be there now.

    Raises:
        DatabaseAwayError: it does not answer.
        StudyError: it cannot be used.
    """
    if isinstance(where, StudyStore):
        return where
    database, patience = open_database(where), Patience(where, patience_seconds)
    return StudyStore(url=where, database=database, patience=patience, storage=PatientStorage(database, patience))
