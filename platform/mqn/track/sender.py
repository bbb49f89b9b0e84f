"""From entries to MLflow runs, by explicit run ids, so that sending an entry twice changes nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mqn.errors import TrackingError
from mqn.track.connection import artifact_root, connect
from mqn.track.entries import RunEntry

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

# Tags of ours that runs are found by.
ROLE = "mqn.role"
TRIAL = "mqn.trial"
ENTRY = "mqn.entry"

# Limits of MLflow's log-batch request.
# MLflow's pages open a study as model training, with charts and columns, not as a collection of prompts and traces.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}

_ENTITIES_A_BATCH = 1000
_WORDS_A_BATCH = 100


class Sender:
    """Sends entries. Not for use from two threads at once."""

    def __init__(self, uri: str) -> None:
        """Connect.

        Args:
            uri: the tracking URI.
        """
        self._uri = uri
        self._client: MlflowClient = connect(uri)
        self._experiments: dict[str, str] = {}
        self._parents: dict[str, str] = {}

    @property
    def client(self) -> MlflowClient:
        """MLflow's client."""
        return self._client

    def send(self, entry: RunEntry) -> None:
        """Make a run hold what an entry says.

        A trial that is logged to its end stays as it is; one that was begun under another entry is begun anew. The
        study's run is opened again whenever the study is.

        Args:
            entry: a study's or a trial's.

        Raises:
            TrackingError: the experiment cannot be used.
        """
        if entry.trial is None:
            self._send_study(entry)
        else:
            self._send_trial(entry)

    def find_trial(self, study: str, number: int) -> Run | None:
        """The run of a trial, or None where it is not logged."""
        found = self._client.get_experiment_by_name(study)
        return None if found is None else self._find(found.experiment_id, TRIAL, str(number))

    def upload(self, run: Run, artifacts: dict[str, str]) -> list[str]:
        """Put files and folders into a run.

        Args:
            run: where to.
            artifacts: path within the run to a local file or folder. A path with a suffix names the file itself, one
                without names the folder that the file goes into.

        Returns:
            Paths within the run whose local file is no longer there.
        """
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        # One repository a run: MlflowClient.log_artifact asks the store for the run anew with every file.
        repository = get_artifact_repository(run.info.artifact_uri, tracking_uri=self._uri)
        missing = []
        for name, local in artifacts.items():
            if Path(local).is_dir():
                repository.log_artifacts(local, name)
            elif Path(local).is_file():
                _upload_file(repository, Path(local), PurePosixPath(name))
            else:
                missing.append(name)
        return missing

    def _send_study(self, entry: RunEntry) -> None:
        run = self._find(self._experiment(entry.study), ROLE, "study")
        if run is None:
            run = self._create(entry, {ROLE: "study"})
        elif entry.status == "RUNNING" != run.info.status:
            self._client.update_run(run.info.run_id, status="RUNNING")
        # A param cannot change; a study resumed with another budget says so in its tags.
        params = {key: value for key, value in entry.params.items() if key not in run.data.params}
        changed = {f"resumed.{k}": v for k, v in entry.params.items() if run.data.params.get(k, v) != v}
        self._fill(run, entry, params, changed)

    def _send_trial(self, entry: RunEntry) -> None:
        run = self._find(self._experiment(entry.study), TRIAL, str(entry.trial))
        if run is not None and run.info.status != "RUNNING":
            return
        if run is not None and run.data.tags.get(ENTRY) != entry.id:
            self._client.delete_run(run.info.run_id)
            run = None
        if run is None:
            parent = {"mlflow.parentRunId": self._parent(entry.study)}
            run = self._create(entry, {ROLE: "trial", TRIAL: str(entry.trial), **parent})
        self._fill(run, entry, entry.params, {})

    def _create(self, entry: RunEntry, tags: dict[str, str]) -> Run:
        experiment = self._experiment(entry.study)
        return self._client.create_run(experiment, entry.started, {**tags, ENTRY: entry.id}, entry.name)

    def _fill(self, run: Run, entry: RunEntry, params: dict[str, str], tags: dict[str, str]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        missing = self.upload(run, entry.artifacts)
        told = {**entry.tags, **tags, **({"missing_artifacts": ", ".join(missing)} if missing else {})}
        metrics = [Metric(point.name, point.value, point.at, point.step) for point in entry.points]
        words = [Param(key, value) for key, value in params.items()]
        run_id = run.info.run_id
        for batch in _batches(metrics, words, [RunTag(key, value) for key, value in told.items()]):
            self._client.log_batch(run_id, *batch)
        if entry.status != "RUNNING":
            self._client.set_terminated(run_id, entry.status, entry.ended)

    def _experiment(self, study: str) -> str:
        if study not in self._experiments:
            found = self._client.get_experiment_by_name(study)
            if found is not None and found.lifecycle_stage == "deleted":
                raise TrackingError(
                    f"experiment {study!r} is deleted in MLflow; restore it there, or choose another study name"
                )
            self._experiments[study] = (
                found.experiment_id
                if found is not None
                else self._client.create_experiment(study, artifact_root(self._uri, study), tags=EXPERIMENT_TAGS)
            )
        return self._experiments[study]

    def _parent(self, study: str) -> str:
        if study not in self._parents:
            run = self._find(self._experiment(study), ROLE, "study")
            if run is None:
                run = self._client.create_run(self._experiment(study), tags={ROLE: "study"}, run_name=study)
            self._parents[study] = run.info.run_id
        return self._parents[study]

    def _find(self, experiment: str, tag: str, value: str) -> Run | None:
        runs = self._client.search_runs([experiment], f"tags.`{tag}` = '{value}'", max_results=1)
        return runs[0] if runs else None


def _upload_file(repository: Any, local: Path, name: PurePosixPath) -> None:
    """Put one file where it is wanted; MLflow itself always keeps the file's own name."""
    if not name.suffix or name.name == local.name:
        folder = name if not name.suffix else name.parent
        repository.log_artifact(str(local), None if folder == PurePosixPath() else str(folder))
        return
    with tempfile.TemporaryDirectory() as temporary:
        renamed = Path(temporary) / name.name
        shutil.copyfile(local, renamed)
        _upload_file(repository, renamed, name)


def _batches(
    metrics: list[Any], params: list[Any], tags: list[Any]
) -> Iterator[tuple[list[Any], list[Any], list[Any]]]:
    """Part what a run holds into requests that MLflow takes."""
    while metrics or params or tags:
        some = params[:_WORDS_A_BATCH], tags[:_WORDS_A_BATCH]
        room = _ENTITIES_A_BATCH - sum(map(len, some))
        yield metrics[:room], *some
        metrics, params, tags = metrics[room:], params[_WORDS_A_BATCH:], tags[_WORDS_A_BATCH:]
