"""MLflow's database, reached without a server between: fewer transactions a run, and one wait for the disk.

MLflow's store makes every step of every call a transaction of its own, sixteen a trial. Those of a new run are made one
here: it is there with all its words and figures, or not at all.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mqn.files.publishing import sync_file
from mqn.net.database_urls import sqlite_file
from mqn.net.sqlite_journal import keep_log
from mqn.track.entries import Point
from mqn.track.flavor import MODEL, MODEL_TYPE

if TYPE_CHECKING:
    from mlflow.entities import Run
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
        # By experiment, name and digest: ids of datasets, which MLflow never removes.
        self._datasets: dict[tuple[int, str, str], str] = {}

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

    def add_input(self, run: Run, name: str, digest: str, context: tuple[str, str]) -> bool:
        """Say which dataset a new run reads, in two statements in place of MLflow's seven.

        Args:
            run: has no input yet.
            name: of the dataset.
            digest: of the dataset.
            context: tag of the input, and its value.

        Returns:
            Whether it was said; False: MLflow does not know the dataset in this experiment yet.
        """
        from mlflow.store.tracking.dbmodels.models import SqlDataset, SqlInput, SqlInputTag
        from sqlalchemy import insert, select

        key = int(run.info.experiment_id), name, digest
        columns = SqlDataset.experiment_id, SqlDataset.name, SqlDataset.digest
        same = [column == value for column, value in zip(columns, key, strict=True)]
        with self._sessions(read_only=False) as session:
            if key not in self._datasets:
                found = session.execute(select(SqlDataset.dataset_uuid).where(*same)).scalar()
                if found is None:
                    return False
                self._datasets[key] = found
            own = uuid.uuid4().hex
            link = {"source_type": "DATASET", "source_id": self._datasets[key], "destination_type": "RUN", "step": 0}
            session.execute(insert(SqlInput), [{**link, "input_uuid": own, "destination_id": run.info.run_id}])
            session.execute(insert(SqlInputTag), [{"input_uuid": own, "name": context[0], "value": context[1]}])
        return True

    def add_model(self, run: Run, name: str, params: Mapping[str, str], points: Iterable[Point]) -> None:
        """Add a run's model, whose files are still to come; one that is there stays as it is.

        MLflow's own call would end the transaction that `together` makes, and let MLflow choose the model's place.

        Args:
            run: what made it.
            name: of the model.
            params: what tells it from others.
            points: its main figures.
        """
        from mlflow.entities import LoggedModelStatus
        from mlflow.store.tracking.dbmodels import models as tables
        from sqlalchemy import insert

        run_id, model, now = run.info.run_id, _model_id(run.info.run_id), time.time_ns() // 1_000_000
        own = {"model_id": model, "experiment_id": int(run.info.experiment_id)}
        row = {
            **own,
            "name": name,
            "artifact_location": f"{run.info.artifact_uri}/{MODEL}",
            "creation_timestamp_ms": now,
            "last_updated_timestamp_ms": now,
            "model_type": MODEL_TYPE,
            "status": LoggedModelStatus.PENDING.to_int(),
            "lifecycle_stage": "active",
            "source_run_id": run_id,
        }
        words = [{**own, "param_key": key, "param_value": value} for key, value in params.items()]
        figures = [
            {
                **own,
                "metric_name": point.name,
                "metric_timestamp_ms": point.at,
                "metric_step": point.step,
                "metric_value": point.value,
                "run_id": run_id,
            }
            for point in points
        ]
        link = {"source_type": "RUN_OUTPUT", "source_id": run_id, "destination_type": "MODEL_OUTPUT", "step": 0}
        with self._sessions(read_only=False) as session:
            if session.get(tables.SqlLoggedModel, model) is not None:
                return
            session.execute(insert(tables.SqlLoggedModel), [row])
            if words:
                session.execute(insert(tables.SqlLoggedModelParam), words)
            if figures:
                session.execute(insert(tables.SqlLoggedModelMetric), figures)
            session.execute(
                insert(tables.SqlInput), [{**link, "input_uuid": uuid.uuid4().hex, "destination_id": model}]
            )

    def finish_model(self, run_id: str, place: str, *, whole: bool) -> None:
        """Say where a run's model lies, now that its files are there, and whether all of them are."""
        from mlflow.entities import LoggedModelStatus
        from mlflow.store.tracking.dbmodels.models import SqlLoggedModel
        from sqlalchemy import update

        status = (LoggedModelStatus.READY if whole else LoggedModelStatus.FAILED).to_int()
        mine = update(SqlLoggedModel).where(SqlLoggedModel.model_id == _model_id(run_id))
        with self._store.engine.begin() as connection:
            connection.execute(mine.values(status=status, artifact_location=place))

    def clear_points(self, run_id: str, metrics: Iterable[str]) -> None:
        """Remove all points of some metrics of a run."""
        from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric
        from sqlalchemy import delete

        with self._store.engine.begin() as connection:
            for table in (SqlMetric, SqlLatestMetric):
                connection.execute(delete(table).where(table.run_uuid == run_id, table.key.in_(list(metrics))))

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


def _model_id(run_id: str) -> str:
    """The id of a run's model: known without a query. MLflow's own are as long."""
    return f"m-{run_id}"
