"""The way to MLflow: a quiet client with short timeouts, whether the server answers, and what its failures mean."""

from __future__ import annotations

import errno
import logging
import os
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from mqn import telemetry
from mqn.database_urls import sqlite_file, sqlite_url
from mqn.errors import DiskError, TrackingError
from mqn.home import home
from mqn.profile import TRACKING_VARIABLE
from mqn.publishing import publish_file
from mqn.redaction import redact, redact_url

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

SCHEMES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https")

# Set before MLflow is imported, and only where the user has not: nobody waits minutes for a server that is away.
_ENVIRONMENT = {
    # At ERROR it prints the traceback of every failed call to a database; each of them is told by us in one line.
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "PGCONNECT_TIMEOUT": "5",
}
_ANSWER_SECONDS = 3


def check_uri(uri: str) -> str:
    """Say no to a tracking URI that MLflow could not use.

    Args:
        uri: a database URL (`sqlite:///...`, `postgresql://...`) or a tracking server's address (`http://...`).

    Returns:
        The same URI.

    Raises:
        TrackingError: another scheme, or a malformed one; MLflow's file store is deprecated and refused too.
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


def connect(uri: str, registry: str | None = None) -> MlflowClient:
    """Make a client. The first one of a database creates or migrates its tables, which takes seconds.

    Args:
        uri: what `check_uri` let pass.
        registry: the model registry's address; None: the same.

    Raises:
        One of `failures()`: there is no such database, or it does not answer.
    """
    telemetry.switch_off()
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # It tells of every connection that it tries again.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    from mlflow.tracking import MlflowClient

    file = database_file(uri)
    if file is not None and not file.exists():
        _create_database(file)
    elif is_database(uri):
        # MLflow itself would try for a quarter of an hour before it says that the database is away.
        _reach_database(uri)
    return MlflowClient(tracking_uri=uri, registry_uri=registry or uri)


def answers(uri: str) -> bool:
    """Whether a tracking server answers at once, whatever it says.

    Args:
        uri: what `check_uri` let pass.
    """
    try:
        if is_database(uri):
            _reach_database(uri)
            return True
        from mlflow.tracking._tracking_service.utils import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        response = http_request(
            get_default_host_creds(uri),
            "/health",
            "GET",
            timeout=_ANSWER_SECONDS,
            max_retries=0,
            raise_on_status=False,
        )
    except failures():
        return False
    return int(response.status_code) < HTTPStatus.INTERNAL_SERVER_ERROR


def is_database(uri: str) -> bool:
    """Whether runs go straight into a database, with no server between."""
    return not uri.startswith(("http://", "https://"))


def _reach_database(uri: str) -> None:
    import sqlalchemy

    file = database_file(uri)
    if file is not None and not file.exists():  # To connect would leave an empty file.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 1"))


def _create_database(file: Path) -> None:
    """Make an SQLite database with all of MLflow's tables, or none at all.

    MLflow creates its tables one by one and cannot finish a database in which some exist already: a process that is
    killed meanwhile would leave one that can never be used.
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


def database_file(uri: str) -> Path | None:
    """The file of an SQLite database; None for every other kind of tracking."""
    return sqlite_file(uri)


def database_folder(uri: str) -> Path | None:
    """The folder that an SQLite database lies in; None for every other kind of tracking."""
    file = database_file(uri)
    return None if file is None else file.parent


def artifact_root(uri: str, study: str) -> str | None:
    """Where a study's artifacts go; never where MLflow would put them, in `mlruns` of the current folder.

    Args:
        uri: the tracking URI.
        study: the study's name.

    Returns:
        Beside an SQLite database; in `$MQN_HOME` for other databases; None leaves the choice to the server.
    """
    if not is_database(uri):
        return None
    return ((database_folder(uri) or home()) / "mlartifacts" / study).as_uri()


def worth_another_try(error: Exception) -> bool:
    """Whether a failed call may succeed later: the server is away, busy, broken or does not let us in yet.

    Args:
        error: what a call to MLflow raised.

    Returns:
        False where the server understood the request and will never take it.
    """
    from mlflow.exceptions import MlflowException

    if not isinstance(error, MlflowException):
        return True
    status = error.get_http_status_code()
    passing = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in passing


def failures() -> tuple[type[Exception], ...]:
    """What a call to MLflow may raise for reasons outside this program."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    # requests' exceptions, refused connections and full disks are OSErrors; a database may want a driver.
    return (MlflowException, SQLAlchemyError, OSError, ImportError, DiskError)


def away_line(uri: str, error: Exception) -> str:
    """Why a server is taken for away: what the network says, where it says anything.

    Args:
        uri: the server's.
        error: what a call to MLflow raised.
    """
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror and not is_database(uri):
            return f"{redact_url(uri)} does not answer: {inner.strerror}"
        inner = inner.__cause__ or inner.__context__
    return one_line(error)


def one_line(error: Exception) -> str:
    """The first line of a failure, without secrets and short enough for a log."""
    # SQLAlchemy puts what it was doing before what went wrong.
    lines = [line for line in redact(str(error)).strip().splitlines() if not line.startswith("(raised as a result")]
    return (lines[0] if lines else type(error).__name__)[:300]
