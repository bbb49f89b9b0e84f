"""The files of a run. They are stored apart from its figures, which are logged even where files cannot be."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mqn.text.redaction import redact_url
from mqn.track.connection import artifact_root, is_database, one_line

if TYPE_CHECKING:
    from mlflow.entities import Run

# MLflow's default for files, a folder in the current folder.
_DEFAULT_FOLDER = "mlruns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unstored:
    """Files of a run that could not be stored, though the server answers.

    Attributes:
        artifacts: path within the run to a local file or folder.
        root: where the files of the run's experiment belong.
        reason: why the first of them could not be stored.
    """

    artifacts: dict[str, str]
    root: str
    reason: str

    def __str__(self) -> str:
        return (
            f"files cannot be put at {redact_url(self.root)} ({self.reason}), params and metrics are logged; let this "
            "machine write there, or serve artifacts through the server (mlflow server --serve-artifacts) from the "
            "next study on"
        )


def store_files(
    artifact_uri: str, tracking_uri: str, artifacts: Mapping[str, str]
) -> tuple[list[str], Unstored | None]:
    """Put files and folders into a run.

    Args:
        artifact_uri: where the run's files belong.
        tracking_uri: of the server.
        artifacts: path within the run to a local file or folder. A path with a suffix or the file's own name names the
            file itself, another one the folder that the file goes into.

    Returns:
        Paths within the run whose local file is no longer there, and what could not be stored.
    """
    missing: list[str] = []
    failed: dict[str, str] = {}
    reason = ""
    repository: Any = None
    for name, local in artifacts.items():
        path = Path(local)
        try:
            if not path.exists():
                missing.append(name)
                continue
            if repository is None:
                from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

                # One repository a run: MlflowClient.log_artifact asks the store for the run anew with every file.
                repository = get_artifact_repository(artifact_uri, tracking_uri=tracking_uri)
            if path.is_dir():
                repository.log_artifacts(local, name)
            else:
                _store_file(repository, path, PurePosixPath(name))
        except Exception as error:  # noqa: BLE001 - every kind of store has a library with exceptions of its own
            failed[name] = local
            reason = reason or one_line(error)
    return missing, Unstored(artifacts=failed, root=experiment_root(artifact_uri), reason=reason) if failed else None


def experiment_root(artifact_uri: str) -> str:
    """Where the files of an experiment belong, from where those of one of its runs do: `ROOT/RUN/artifacts`."""
    return artifact_uri.removesuffix("/artifacts").rpartition("/")[0] or artifact_uri


def own_place(run: Run, tracking_uri: str, study: str) -> bool:
    """Move a new run's files beside the database, where MLflow would use `mlruns` in the current folder.

    That is so in MLflow's experiment `Default`, and in experiments that were made without a location.
    """
    if not is_database(tracking_uri) or not _is_default(run.info.artifact_uri):
        return False
    import sqlalchemy

    place = f"{artifact_root(tracking_uri, study)}/{run.info.run_id}/artifacts"
    engine = sqlalchemy.create_engine(tracking_uri, poolclass=sqlalchemy.pool.NullPool)
    # MLflow has no call for it: a run's location follows from its experiment, which we must not change.
    update = sqlalchemy.text("UPDATE runs SET artifact_uri = :place WHERE run_uuid = :run")
    with engine.begin() as connection:
        connection.execute(update, {"place": place, "run": run.info.run_id})
    return True


def _is_default(artifact_uri: str) -> bool:
    parts = urlsplit(artifact_uri)
    if parts.scheme not in ("", "file"):
        return False
    # .../mlruns/EXPERIMENT/RUN/artifacts
    return PurePosixPath(unquote(parts.path)).parts[-4:-3] == (_DEFAULT_FOLDER,)


def _store_file(repository: Any, local: Path, name: PurePosixPath) -> None:
    """Store one file under another name; MLflow always keeps the file's own name."""
    if not name.suffix or name.name == local.name:
        folder = name.parent if name.name == local.name else name
        repository.log_artifact(str(local), None if folder == PurePosixPath() else str(folder))
        return
    with tempfile.TemporaryDirectory() as temporary:
        renamed = Path(temporary) / name.name
        shutil.copyfile(local, renamed)
        _store_file(repository, renamed, name)
