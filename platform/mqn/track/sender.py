"""From entries to MLflow runs, by explicit run ids, so that sending an entry twice changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mqn.errors import TrackingError
from mqn.parsing import content_hash
from mqn.track.connection import answers, artifact_root, connect
from mqn.track.entries import RunEntry
from mqn.track.files import Unstored, experiment_root, own_place, store_files
from mqn.track.pages import VIEW_TAG, table_view

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

# Tags of ours that runs are found by.
ROLE = "mqn.role"
TRIAL = "mqn.trial"
ENTRY = "mqn.entry"
# Names the files that wait in the spool, so that nobody looks for them in vain.
UNSTORED = "mqn.unstored"

# MLflow's pages open a study as model training, with charts and columns, not as a collection of prompts and traces.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
NOTE = "mlflow.note.content"
_NOTE_HASH = "mqn.note"

# Limits of MLflow's log-batch request.
_ENTITIES_A_BATCH = 1000
_WORDS_A_BATCH = 100


class ServerAwayError(TrackingError):
    """The server stopped answering while an entry was sent."""


class Sender:
    """Sends entries; from several threads, as long as no two of them send entries of one run."""

    def __init__(self, uri: str, registry: str | None = None) -> None:
        """Connect.

        Args:
            uri: the tracking URI.
            registry: the model registry's; None: the same.

        Raises:
            One of `failures()`: the server cannot be reached.
        """
        self._uri = uri
        self._client: MlflowClient = connect(uri, registry)
        self._experiments: dict[str, str] = {}
        self._parents: dict[str, str] = {}
        # One of several threads makes what all need: a study's experiment and its run.
        self._making = threading.RLock()

    @property
    def client(self) -> MlflowClient:
        """MLflow's client."""
        return self._client

    @property
    def uri(self) -> str:
        """The tracking URI."""
        return self._uri

    def send(self, entry: RunEntry, stalled: str = "") -> Unstored | None:
        """Make a run hold what an entry says: first its words and figures, then its files.

        A trial that is logged to its end stays as it is; one that was begun under another entry is begun anew. The
        study's run is opened again whenever the study is.

        Args:
            entry: a study's or a trial's.
            stalled: why its files are not even tried; empty: they are.

        Returns:
            The files that could not be stored, the run being logged otherwise; None where there are none.

        Raises:
            TrackingError: the experiment cannot be used.
            ServerAwayError: the server is away by now; the entry is to be sent again as a whole.
            One of `failures()`: a call to MLflow failed.
        """
        return self._send_study(entry, stalled) if entry.trial is None else self._send_trial(entry, stalled)

    def send_files(self, entry: RunEntry, stalled: str = "") -> Unstored | None:
        """Store the files of a run that is logged.

        Args:
            entry: its entry, with the artifacts that are missing.
            stalled: why they are not even tried; empty: they are.

        Returns:
            Those that still cannot be stored; None also where somebody has deleted the run.

        Raises:
            As `send`.
        """
        tag, value = (ROLE, "study") if entry.trial is None else (TRIAL, str(entry.trial))
        run = self._find(self._experiment(entry.study), tag, value)
        return None if run is None else self._store(run, entry, stalled)

    def forget(self, study: str) -> bool:
        """Look a study's experiment and run up anew: somebody may have deleted, restored or made them anew.

        Returns:
            Whether anything was remembered.
        """
        with self._making:
            known = self._experiments.pop(study, None), self._parents.pop(study, None)
        return any(known)

    def find_trial(self, study: str, number: int) -> Run | None:
        """The run of a trial, or None where it is not logged."""
        found = self._client.get_experiment_by_name(study)
        return None if found is None else self._find(found.experiment_id, TRIAL, str(number))

    def _send_study(self, entry: RunEntry, stalled: str) -> Unstored | None:
        run = self._client.get_run(self._parent(entry.study))
        if run.info.lifecycle_stage == "deleted":
            self.forget(entry.study)
            run = self._client.get_run(self._parent(entry.study))
        if entry.status == "RUNNING" != run.info.status:
            self._client.update_run(run.info.run_id, status="RUNNING")
        if entry.about:
            self._describe(entry)
        if entry.goals:
            view = table_view(entry.goals, entry.varied)
            self._client.set_experiment_tag(self._experiment(entry.study), VIEW_TAG, view)
        # A param cannot change; a study resumed with another budget says so in its tags.
        params = {key: value for key, value in entry.params.items() if key not in run.data.params}
        changed = {f"resumed.{k}": v for k, v in entry.params.items() if run.data.params.get(k, v) != v}
        return self._fill(run, entry, params, {**entry.tags, **changed}, stalled)

    def _send_trial(self, entry: RunEntry, stalled: str) -> Unstored | None:
        run = self._find(self._experiment(entry.study), TRIAL, str(entry.trial))
        if run is not None and run.info.status != "RUNNING":
            ours = UNSTORED in run.data.tags and run.data.tags.get(ENTRY) == entry.id
            return self._store(run, entry, stalled) if ours else None
        if run is not None and run.data.tags.get(ENTRY) != entry.id:
            self._client.delete_run(run.info.run_id)
            run = None
        if run is None:
            parent = {"mlflow.parentRunId": self._parent(entry.study)}
            tags = {ROLE: "trial", TRIAL: str(entry.trial), ENTRY: entry.id, **parent}
            run = self._create(entry.study, tags, entry.name, entry.started)
        return self._fill(run, entry, entry.params, entry.tags, stalled)

    def _create(self, study: str, tags: dict[str, str], name: str, started: int | None = None) -> Run:
        run = self._client.create_run(self._experiment(study), started, tags, name)
        return self._client.get_run(run.info.run_id) if own_place(run, self._uri, study) else run

    def _fill(
        self, run: Run, entry: RunEntry, params: dict[str, str], tags: dict[str, str], stalled: str
    ) -> Unstored | None:
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(point.name, point.value, point.at, point.step) for point in entry.points]
        words = [Param(key, value) for key, value in params.items()]
        run_id = run.info.run_id
        for batch in _batches(metrics, words, [RunTag(key, value) for key, value in tags.items()]):
            self._client.log_batch(run_id, *batch)
        unstored = self._store(run, entry, stalled)
        if entry.status != "RUNNING":
            self._client.set_terminated(run_id, entry.status, entry.ended)
        return unstored

    def _store(self, run: Run, entry: RunEntry, stalled: str) -> Unstored | None:
        run_id, place, known = run.info.run_id, run.info.artifact_uri, run.data.tags
        missing: list[str] = []
        if stalled and entry.artifacts:
            unstored: Unstored | None = Unstored(artifacts=entry.artifacts, root=experiment_root(place), reason=stalled)
        else:
            missing, unstored = store_files(place, self._uri, entry.artifacts)
            if unstored is not None and not answers(self._uri):
                raise ServerAwayError(unstored.reason)
        if missing:
            self._client.set_tag(run_id, "missing_artifacts", ", ".join(missing))
        if unstored is not None:
            self._client.set_tag(run_id, UNSTORED, ", ".join(unstored.artifacts))
        elif UNSTORED in known:
            self._client.delete_tag(run_id, UNSTORED)
        return unstored

    def _describe(self, entry: RunEntry) -> None:
        """Say what the experiment is about, unless a person has written something of their own there."""
        experiment = self._client.get_experiment(self._experiment(entry.study))
        present = experiment.tags.get(NOTE, "")
        if not present or content_hash(present) == experiment.tags.get(_NOTE_HASH):
            self._client.set_experiment_tag(experiment.experiment_id, NOTE, entry.about)
            self._client.set_experiment_tag(experiment.experiment_id, _NOTE_HASH, content_hash(entry.about))

    def _experiment(self, study: str) -> str:
        with self._making:
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
        with self._making:
            if study not in self._parents:
                run = self._find(self._experiment(study), ROLE, "study")
                if run is None:
                    run = self._create(study, {ROLE: "study"}, study)
                self._parents[study] = run.info.run_id
            return self._parents[study]

    def _find(self, experiment: str, tag: str, value: str) -> Run | None:
        runs = self._client.search_runs([experiment], f"tags.`{tag}` = '{value}'", max_results=1)
        return runs[0] if runs else None


def _batches(
    metrics: list[Any], params: list[Any], tags: list[Any]
) -> Iterator[tuple[list[Any], list[Any], list[Any]]]:
    """Part what a run holds into requests that MLflow takes."""
    while metrics or params or tags:
        some = params[:_WORDS_A_BATCH], tags[:_WORDS_A_BATCH]
        room = _ENTITIES_A_BATCH - sum(map(len, some))
        yield metrics[:room], *some
        metrics, params, tags = metrics[room:], params[_WORDS_A_BATCH:], tags[_WORDS_A_BATCH:]
