"""The way to MLflow: a quiet client with short timeouts, and whether a failure is worth another try."""

from __future__ import annotations

import os
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mqn import telemetry
from mqn.errors import TrackingError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

SCHEMES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https")

# Set before MLflow is imported, and only where the user has not: nobody waits minutes for a server that is away.
_ENVIRONMENT = {
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
}


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
        raise TrackingError(f"tracking uri {uri!r} cannot be used; allowed: {allowed}, or empty for no tracking")
    return uri


def connect(uri: str) -> MlflowClient:
    """Make a client. The first one of a database creates or migrates its tables, which takes seconds.

    Args:
        uri: what `check_uri` let pass.
    """
    telemetry.switch_off()
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    file = database_file(uri)
    if file is not None and not file.exists():
        _create_database(file)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


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
            uri = f"sqlite:///{unfinished}"
            MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)
            unfinished.replace(file)


def database_file(uri: str) -> Path | None:
    """The file of an SQLite database; None for every other kind of tracking."""
    if not uri.startswith("sqlite:///"):
        return None
    return Path(unquote(urlsplit(uri).path.removeprefix("/"))).absolute()


def database_folder(uri: str) -> Path | None:
    """The folder that an SQLite database lies in; None for every other kind of tracking."""
    file = database_file(uri)
    return None if file is None else file.parent


def artifact_root(uri: str, study: str) -> str | None:
    """Where a study's artifacts go: beside an SQLite database; None leaves the choice to the server.

    Args:
        uri: the tracking URI.
        study: the study's name.
    """
    folder = database_folder(uri)
    return None if folder is None else (folder / "mlartifacts" / study).as_uri()


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

    # requests' exceptions, refused connections and full disks are OSErrors.
    return (MlflowException, SQLAlchemyError, OSError)


def one_line(error: Exception) -> str:
    """The first line of a failure, short enough for a log."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
