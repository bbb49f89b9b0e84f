"""From entries to MLflow runs, by explicit run ids, so that sending an entry twice changes nothing."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from typing import TYPE_CHECKING

from mqn.errors import TrackingError
from mqn.track.connection import answers, connect, failures, is_database
from mqn.track.entries import RunEntry, batches
from mqn.track.sending.direct import DirectStore
from mqn.track.sending.experiments import Experiments, noted
from mqn.track.sending.files import Unstored, experiment_root, own_place
from mqn.track.sending.models import Models

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

# Tags of ours that runs are found by.
ROLE = "mqn.role"
TRIAL = "mqn.trial"
ENTRY = "mqn.entry"
BEGUN = "mqn.begun"
# Names the files that wait in the spool, so that nobody looks for them in vain.
UNSTORED = "mqn.unstored"

# Of one trial: more than ever begin one at the same time.
_MOST_RUNS = 100
_YIELD_SECONDS = 1.0


class ServerAwayError(TrackingError):
    """The server stopped answering while an entry was sent."""


class Sender:
    """Sends entries; from several threads, as long as no two of them send entries of one run."""

    def __init__(self, uri: str, registry: str | None = None) -> None:
        """Connect to a tracking server.

        Raises:
            One of `failures()`: the server cannot be reached.
        """
        self._uri = uri
        self.client: MlflowClient = connect(uri, registry)
        self._direct = DirectStore(self.client, uri) if is_database(uri) else None
        self._models = Models(self.client, uri, self._direct)
        self._experiments = Experiments(self.client, uri)
        self._parents: dict[str, str] = {}
        # One of several threads makes what all need.
        self._making = threading.RLock()

    def send(self, entry: RunEntry, stalled: str = "") -> Unstored | None:
        """Make a run hold what an entry says: first its words and figures, then its files.

        A trial that is logged to its end stays as it is; one that was begun under another entry is begun anew. However
        many send the same trial, and from wherever, one run of it is left. The study's run is opened again whenever the
        study is.

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
        unstored = self._send_study(entry, stalled) if entry.trial is None else self._send_trial(entry, stalled)
        if self._direct is not None:
            self._direct.sync()
        return unstored

    def send_files(self, entry: RunEntry, stalled: str = "") -> Unstored | None:
        """Store the files of a logged run that its entry names; `send` says what `stalled` is.

        Returns:
            Those that still cannot be stored; None also where somebody has deleted the run.

        Raises:
            As `send`.
        """
        tag, value = (ROLE, "study") if entry.trial is None else (TRIAL, str(entry.trial))
        run = self._find(self._experiment(entry.study), tag, value)
        return None if run is None else self._store(run, entry, stalled)

    def forget(self, study: str) -> bool:
        """Look a study's experiment and run up anew: somebody may have deleted, restored or made them anew."""
        with self._making:
            known = self._experiments.forget(study), self._parents.pop(study, None)
        return any(known)

    def find_trial(self, study: str, number: int) -> Run | None:
        """The run of a trial, or None where it is not logged."""
        found = self.client.get_experiment_by_name(study)
        return None if found is None else self._find(found.experiment_id, TRIAL, str(number))

    def _send_study(self, entry: RunEntry, stalled: str) -> Unstored | None:
        run = self.client.get_run(self._parent(entry.study))
        if run.info.lifecycle_stage == "deleted":
            self.forget(entry.study)
            run = self.client.get_run(self._parent(entry.study))
        if entry.status == "RUNNING" != run.info.status:
            self.client.update_run(run.info.run_id, status="RUNNING")
        if entry.about or entry.goals:
            self._experiments.tell(entry)
        # A param cannot change; a study resumed with another budget says so in its tags.
        params = {key: value for key, value in entry.params.items() if key not in run.data.params}
        changed = {f"resumed.{k}": v for k, v in entry.params.items() if run.data.params.get(k, v) != v}
        tags = {**entry.tags, **changed, **noted(run.data.tags, entry.note)}
        return self._fill(run, self._renewed(run, entry), params, tags, stalled)

    def _renewed(self, run: Run, entry: RunEntry) -> RunEntry:
        """An entry whose points may be added to those of its run: earlier ones that it replaces are gone.

        A server removes none. There only what lies behind them is added.
        """
        if not entry.anew:
            return entry
        run_id = _run_id(run)
        if self._direct is not None:
            self._direct.clear_points(run_id, entry.anew)
            return entry
        last = {
            name: max((point.step for point in self.client.get_metric_history(run_id, name)), default=-1)
            for name in entry.anew
        }
        return dataclasses.replace(entry, points=tuple(p for p in entry.points if p.step > last.get(p.name, -1)))

    def _send_trial(self, entry: RunEntry, stalled: str) -> Unstored | None:
        runs = self._runs(entry)
        complete = self._keep_one(runs)
        run = next((run for run in runs if run.data.tags.get(ENTRY) == entry.id), None)
        if complete is not None:
            if run is not None and run.info.status == "RUNNING":
                self._delete(run)
            return self._store_rest(complete, entry, stalled)
        if run is None:
            run = self._begin(entry, runs)
            unstored = self._end(run, entry, stalled)
        else:
            unstored = self._fill(run, entry, entry.params, entry.tags, stalled)
        if runs or entry.late:
            self._keep_one(self._runs(entry))
        return unstored

    def _begin(self, entry: RunEntry, runs: list[Run]) -> Run:
        """Make the run of a trial with its words and figures, in one transaction where no server is between.

        `runs` are those that the trial has already.
        """
        parent = {"mlflow.parentRunId": self._parent(entry.study)}
        begun = max([time.time_ns(), *(_place(run)[0] + 1 for run in runs)])
        tags = {**entry.tags, ROLE: "trial", TRIAL: str(entry.trial), ENTRY: entry.id, BEGUN: str(begun), **parent}

        def begin() -> Run:
            run = self._create(entry.study, tags, entry.name, entry.started)
            self._log(run, entry, entry.params, {})
            self._models.attach(run, entry, new=True)
            return run

        if self._direct is None:
            return begin()
        try:
            with self._direct.together():
                return begin()
        except failures():  # What was refused, and whether for good, only calls of their own tell exactly.
            return begin()

    def _runs(self, entry: RunEntry) -> list[Run]:
        """The runs of a trial. Several senders may have begun one each, at the same time or one after the other."""
        experiment = self._experiment(entry.study)
        # MLflow's own search costs a fifth of all that sending a trial does.
        if self._direct is not None and not self._direct.has_run(experiment, TRIAL, str(entry.trial)):
            return []
        wanted = f"tags.`{TRIAL}` = '{entry.trial}'"
        return list(self.client.search_runs([experiment], wanted, max_results=_MOST_RUNS))

    def _keep_one(self, runs: list[Run]) -> Run | None:
        """Of a trial's runs keep the complete one that was begun last, and delete those begun before it.

        A run that was begun later stays, as its sender may complete it at this moment. Whoever completes a run looks at
        all of them afterwards. So one complete run is left, in whatever order senders come.
        """
        complete = max((run for run in runs if run.info.status != "RUNNING"), key=_place, default=None)
        for run in runs if complete is not None else ():
            if _place(run) < _place(complete):
                self._delete(run)
        return complete

    def _store_rest(self, run: Run, entry: RunEntry, stalled: str) -> Unstored | None:
        """Store those files of a complete run that could not be stored before."""
        missing = run.data.tags.get(UNSTORED, "").split(", ")
        rest = {name: path for name, path in entry.artifacts.items() if name in missing}
        return self._store(run, dataclasses.replace(entry, artifacts=rest), stalled) if rest else None

    def _delete(self, run: Run) -> None:
        self.client.delete_run(_run_id(run))
        self._models.drop(run)

    def _create(self, study: str, tags: dict[str, str], name: str, started: int | None = None) -> Run:
        return self.client.create_run(self._experiment(study), started, tags, name)

    def _fill(
        self, run: Run, entry: RunEntry, params: dict[str, str], tags: dict[str, str], stalled: str
    ) -> Unstored | None:
        self._log(run, entry, params, tags)
        self._models.attach(run, entry)
        return self._end(run, entry, stalled)

    def _log(self, run: Run, entry: RunEntry, params: dict[str, str], tags: dict[str, str]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(point.name, point.value, point.at, point.step) for point in entry.points]
        words = [Param(key, value) for key, value in params.items()]
        for batch in batches(metrics, words, [RunTag(key, value) for key, value in tags.items()]):
            self.client.log_batch(run.info.run_id, *batch)

    def _end(self, run: Run, entry: RunEntry, stalled: str) -> Unstored | None:
        """Store an entry's files, then end its run."""
        unstored = self._store(run, entry, stalled)
        run_id, status = _run_id(run), entry.status
        if status != "RUNNING" and not (self._direct and self._direct.end(run_id, status, entry.ended)):
            self.client.set_terminated(run_id, status, entry.ended)
        return unstored

    def _store(self, run: Run, entry: RunEntry, stalled: str) -> Unstored | None:
        if entry.artifacts and own_place(run, self._uri, entry.study):
            run = self.client.get_run(run.info.run_id)
        run_id, place, known = run.info.run_id, run.info.artifact_uri, run.data.tags
        missing: list[str] = []
        if stalled and entry.artifacts:
            unstored: Unstored | None = Unstored(artifacts=entry.artifacts, root=experiment_root(place), reason=stalled)
        else:
            missing, unstored = self._models.store(run, entry)
            if unstored is not None and not answers(self._uri):
                raise ServerAwayError(unstored.reason)
        if missing:
            self.client.set_tag(run_id, "missing_artifacts", ", ".join(missing))
        if unstored is not None:
            self.client.set_tag(run_id, UNSTORED, ", ".join(unstored.artifacts))
        elif UNSTORED in known:
            self.client.delete_tag(run_id, UNSTORED)
        return unstored

    def _experiment(self, study: str) -> str:
        return self._experiments.of(study)

    def _parent(self, study: str) -> str:
        with self._making:
            if study not in self._parents:
                self._parents[study] = _run_id(self._make_parent(study))
            return self._parents[study]

    def _make_parent(self, study: str) -> Run:
        """Find or make a study's own run. Of drivers that make one at the same moment, those that see another yield."""
        while True:
            found = self._find(self._experiment(study), ROLE, "study")
            if found is not None:
                return found
            own = self._create(study, {ROLE: "study"}, study)
            wanted = f"tags.`{ROLE}` = 'study'"
            runs = self.client.search_runs([self._experiment(study)], wanted, max_results=_MOST_RUNS)
            if all(_run_id(run) == _run_id(own) for run in runs):
                return own
            self.client.delete_run(_run_id(own))
            time.sleep(random.uniform(0, _YIELD_SECONDS))  # noqa: S311 - so that they do not meet again

    def _find(self, experiment: str, tag: str, value: str) -> Run | None:
        runs = self.client.search_runs([experiment], f"tags.`{tag}` = '{value}'", max_results=1)
        return runs[0] if runs else None


def _run_id(run: Run) -> str:
    return str(run.info.run_id)


def _place(run: Run) -> tuple[int, str]:
    """The place of a run among those of its trial, the same for whoever looks."""
    return int(run.data.tags.get(BEGUN, 0)), _run_id(run)
