"""The connection to MLflow: a quiet client with short timeouts, and what its failures mean."""

from __future__ import annotations

import errno
import logging
import os
import tempfile
import threading
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from mqn.distribution import database_driver
from mqn.errors import DiskError, TrackingError
from mqn.files.publishing import publish_file
from mqn.home import home
from mqn.net import telemetry
from mqn.net.database_urls import sqlite_file, sqlite_url
from mqn.profile import TRACKING_VARIABLE
from mqn.text.redaction import redact, redact_url

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

SCHEMES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https")

# Set before MLflow is imported, where the user has not set them. Else a server that is away costs minutes.
_ENVIRONMENT = {
    # At ERROR it prints a traceback for every failed call to a database. We print one line.
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "PGCONNECT_TIMEOUT": "5",
}
_ANSWER_SECONDS = 3
_OPTUNAS = "trial_system_attributes"
_loading = threading.Lock()


def check_uri(uri: str) -> str:
    """Check that MLflow can use a tracking URI, and return it.

    Raises:
        TrackingError: another scheme, a malformed URI, or MLflow's file store, which is deprecated.
    """
    scheme = uri.partition(":")[0].partition("+")[0].lower()
    if scheme not in SCHEMES or "://" not in uri:
        allowed = ", ".join(f"{name}://" for name in SCHEMES)
        line = f"tracking uri {redact_url(uri)!r} cannot be used; allowed: {allowed}, or empty for no tracking"
        named = os.environ.get(TRACKING_VARIABLE) == uri
        raise TrackingError(
            f"{line}; {TRACKING_VARIABLE} names it: set tracking.uri in the profile instead" if named else line
        )
    return uri


def load_mlflow() -> None:
    """Import MLflow, quiet and with short timeouts.

    One thread at a time: MLflow's modules import each other, and a second thread would find them half made.
    """
    with _loading:
        telemetry.switch_off()
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        import mlflow.tracking  # noqa: F401


def connect(uri: str, registry: str | None = None) -> MlflowClient:
    """Make a client. The first one of a database creates or migrates its tables, which takes seconds.

    Raises:
        One of `failures()`: there is no such database, or it does not answer.
    """
    load_mlflow()
    # It warns of every retry.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    from mlflow.tracking import MlflowClient

    file = sqlite_file(uri)
    if file is not None and not file.exists():
        _create_database(file)
    elif is_database(uri):
        # MLflow itself would retry for a quarter of an hour.
        _reach_database(uri)
    return MlflowClient(tracking_uri=uri, registry_uri=registry or uri)


def answers(uri: str) -> bool:
    """Whether a tracking server answers at once, whatever it says."""
    try:
        if is_database(uri):
            _reach_database(uri)
            return True
        load_mlflow()
        from mlflow.tracking._tracking_service.utils import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        response = http_request(
            get_default_host_creds(uri), "/health", "GET", timeout=_ANSWER_SECONDS, max_retries=0, raise_on_status=False
        )
    except failures():
        return False
    return int(response.status_code) < HTTPStatus.INTERNAL_SERVER_ERROR


def is_database(uri: str) -> bool:
    """Whether runs go straight into a database, with no server between."""
    return not uri.startswith(("http://", "https://"))


def _reach_database(uri: str) -> None:
    import sqlalchemy

    file = sqlite_file(uri)
    if file is not None and not file.exists():  # Connecting would make an empty file.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 1"))
        tables = sqlalchemy.inspect(connection)
        if tables.has_table(_OPTUNAS) and not tables.has_table("experiments"):
            raise TrackingError(
                f"the tracking database {redact_url(uri)} holds studies, and MLflow's tables cannot be in one with "
                "Optuna's; give tracking.uri a database of its own"
            )


def _create_database(file: Path) -> None:
    """Make an SQLite database with all of MLflow's tables, or none at all.

    MLflow creates its tables one by one and cannot complete a database in which some exist. A killed process would
    leave a database that cannot be used.
    """
    import filelock
    from mlflow.tracking import MlflowClient

    file.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(file.with_name(f".{file.name}.lock")):
        if file.exists():
            return
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".mlflow-") as folder:
            unfinished = Path(folder) / file.name
            uri = sqlite_url(unfinished)
            MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)
            publish_file(unfinished, file)


def artifact_root(uri: str, study: str) -> str | None:
    """Where a study's artifacts go. Never `mlruns` in the current folder, which is MLflow's default.

    Returns:
        Beside an SQLite database; in `$MQN_HOME` for other databases; None leaves the choice to the server.
    """
    if not is_database(uri):
        return None
    file = sqlite_file(uri)
    return ((home() if file is None else file.parent) / "mlartifacts" / study).as_uri()


def worth_another_try(error: Exception) -> bool:
    """Whether a failed call may succeed later: not if the server understood it and refused more than credentials."""
    load_mlflow()
    from mlflow.exceptions import MlflowException

    if not isinstance(error, MlflowException):
        return True
    status = error.get_http_status_code()
    passing = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in passing


def failures() -> tuple[type[Exception], ...]:
    """What a call to MLflow may raise for reasons outside this program."""
    load_mlflow()
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    # requests' exceptions, refused connections and full disks are OSErrors; a database may want a driver, or have
    # tables of another version of MLflow.
    return (MlflowException, SQLAlchemyError, CommandError, OSError, ImportError, DiskError)


def away_line(uri: str, error: Exception) -> str:
    """Why a server counts as away, in the words of the network if there are any."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror and not is_database(uri):
            return f"{redact_url(uri)} does not answer: {inner.strerror}"
        inner = inner.__cause__ or inner.__context__
    return one_line(error)


def unusable_line(uri: str, error: Exception) -> str:
    """Why a server or a database cannot be used; names it."""
    if not is_database(uri):
        return away_line(uri, error)
    needs = database_driver(uri, error) if isinstance(error, ImportError) else f"cannot be used: {one_line(error)}"
    return f"the tracking database {redact_url(uri)} {needs}"


def one_line(error: Exception) -> str:
    """The first line of a failure, without secrets and short enough for a log."""
    # SQLAlchemy writes a line of context first.
    lines = [line for line in redact(str(error)).strip().splitlines() if not line.startswith("(raised as a result")]
    return (lines[0] if lines else type(error).__name__)[:300]
