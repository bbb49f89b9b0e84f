"""MLflow's database, reached without a server between: fewer transactions a run, and one wait for the disk.

MLflow's store makes every step of every call a transaction of its own, sixteen a trial. Those of a new run are made one
here: it is there with all its words and figures, or not at all.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mqn.files.publishing import sync_file
from mqn.net.database_urls import sqlite_file
from mqn.net.sqlite_journal import keep_log

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


class DirectStore:
    """The store of a client that reaches a database directly."""

    def __init__(self, client: MlflowClient, uri: str) -> None:
        """Take the store of a client over; others of this process that use the same database share it."""
        # No public name leads to a client's store.
        self._store: Any = client._tracking_client.store  # noqa: SLF001
        self._file = sqlite_file(uri)
        if not isinstance(self._store.ManagedSessionMaker, _Sessions):
            self._store.ManagedSessionMaker = _Sessions(self._store.ManagedSessionMaker)
            if self._file is not None:
                keep_log(self._store.engine, self._file)
        self._sessions: _Sessions = self._store.ManagedSessionMaker

    def together(self) -> contextlib.AbstractContextManager[None]:
        """Make the calls of a block one transaction. Where the block raises, nothing of it is there.

        Raises:
            MlflowException: MLflow's name for what the database refused.
        """
        return self._sessions.together()

    def has_run(self, experiment: str, tag: str, value: str) -> bool:
        """Whether any run of an experiment has a tag of a value, deleted ones included."""
        from mlflow.store.tracking.dbmodels.models import SqlRun, SqlTag
        from sqlalchemy import select

        wanted = (
            select(SqlTag.run_uuid)
            .join(SqlRun, SqlRun.run_uuid == SqlTag.run_uuid)
            .where(SqlTag.key == tag, SqlTag.value == value, SqlRun.experiment_id == int(experiment))
        )
        with self._store.engine.connect() as connection:
            return connection.execute(wanted.limit(1)).first() is not None

    def end(self, run_id: str, status: str, ended: int) -> bool:
        """End a run at a time in milliseconds since 1970; MLflow's own call reads the whole run twice for that.

        Returns:
            Whether it was ended; False: somebody has deleted it.
        """
        from mlflow.store.tracking.dbmodels.models import SqlRun
        from sqlalchemy import update

        mine = update(SqlRun).where(SqlRun.run_uuid == run_id, SqlRun.lifecycle_stage == "active")
        with self._store.engine.begin() as connection:
            return bool(connection.execute(mine.values(status=status, end_time=ended)).rowcount)

    def sync(self) -> None:
        """Wait until everything that was committed is on the disk, where commits do not wait themselves."""
        if self._file is not None:
            # Without the log, or when all of it has been carried over, a commit has waited.
            with contextlib.suppress(FileNotFoundError):
                sync_file(self._file.with_name(f"{self._file.name}-wal"))


class _Sessions:
    """Makes MLflow's sessions; within `together` all calls of a thread share one."""

    def __init__(self, make: Any) -> None:
        self._make, self._local = make, threading.local()

    @contextlib.contextmanager
    def __call__(self, read_only: bool = True) -> Iterator[Any]:
        shared = getattr(self._local, "session", None)
        if shared is not None:
            yield shared
            return
        with self._make(read_only=read_only) as session:
            yield session

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        with self._make(read_only=False) as session:
            self._local.session = session
            try:
                yield
            finally:
                self._local.session = None
