"""Deletes a study in MLflow: its experiment, the files of its runs, and entries that wait to be sent."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mqn.errors import TrackingError
from mqn.net.database_urls import sqlite_file
from mqn.text.redaction import redact_url
from mqn.track.connection import artifact_root, connect, failures, one_line
from mqn.track.registry import model_name
from mqn.track.spool import server_queue, study_folder

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What MLflow and the spool hold of a study.

    Attributes:
        experiment: the id of its experiment; None: there is none.
        runs: how many runs it has.
        registered: versions in the model registry that came from it: `mqn-smoke 1`. They stay, with their files.
        folders: files of its runs on this machine that no registered version needs.
        waiting: how many of its entries are not sent yet.
        queue: the folder that they wait in; None: there is none.
    """

    experiment: str | None = None
    runs: int = 0
    registered: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    waiting: int = 0
    queue: Path | None = None


def find_tracked(uri: str, spool: Path, study: str, *, registry: str | None = None) -> Tracked:
    """Find what MLflow and the spool hold of a study. Without a URI there is nothing.

    Raises:
        TrackingError: MLflow cannot be asked.
    """
    if not uri:
        return Tracked()
    folder = study_folder(server_queue(spool, uri), study)
    unsent = Tracked(waiting=len(list(folder.glob("[0-9]*"))), queue=folder if folder.is_dir() else None)
    file = sqlite_file(uri)
    if file is not None and not file.exists():
        return unsent
    try:
        client = connect(uri, registry)
        experiment = client.get_experiment_by_name(study)
        if experiment is None:
            return unsent
        ids = _run_ids(client, experiment.experiment_id)
        versions = [v for v in client.search_model_versions(f"name = '{model_name(study)}'") if v.run_id in ids]
    except failures() as error:
        raise TrackingError(
            f"{redact_url(uri)} cannot be asked for the runs of {study!r}: {one_line(error)}"
        ) from error
    needed = {version.run_id for version in versions}
    root = artifact_root(uri, study)
    own = [] if root is None else [Path(url2pathname(urlsplit(root).path)) / run for run in ids if run not in needed]
    return replace(
        unsent,
        experiment=experiment.experiment_id,
        runs=len(ids),
        registered=tuple(f"{version.name} {version.version}" for version in versions),
        folders=tuple(path for path in own if path.is_dir()),
    )


def remove_tracked(uri: str, tracked: Tracked, study: str) -> None:
    """Delete a study's experiment in MLflow, its files on this machine, and what waits to be sent.

    MLflow keeps deleted experiments until `mlflow gc`. Ours gets another name first, so that a new study may have it.

    Raises:
        TrackingError: MLflow refuses, or is away.
    """
    if tracked.queue is not None:
        shutil.rmtree(tracked.queue)
    if tracked.experiment is None:
        return
    try:
        client = connect(uri)
        if client.get_experiment(tracked.experiment).lifecycle_stage == "deleted":
            client.restore_experiment(tracked.experiment)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        client.rename_experiment(tracked.experiment, f"{study} (deleted {now})")
        client.delete_experiment(tracked.experiment)
    except failures() as error:
        raise TrackingError(
            f"the runs of {study!r} cannot be deleted in {redact_url(uri)}: {one_line(error)}"
        ) from error
    for folder in tracked.folders:
        shutil.rmtree(folder)
        if not any(folder.parent.iterdir()):
            folder.parent.rmdir()


def _run_ids(client: MlflowClient, experiment: str) -> list[str]:
    from mlflow.entities import ViewType
    from mlflow.utils import get_results_from_paginated_fn

    every = get_results_from_paginated_fn(
        lambda count, token: client.search_runs([experiment], "", ViewType.ALL, count, page_token=token), _PAGE
    )
    return [run.info.run_id for run in every]
