"""However many send the same trial, and from wherever, MLflow holds one run of it."""

from __future__ import annotations

import contextlib
import random
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from mqn.errors import StudyError, TrackingError
from mqn.search.storage import store
from mqn.track.complete import find_logged
from mqn.track.connection import failures
from mqn.track.entries import trial_entry
from mqn.track.sending.direct import DirectStore
from mqn.track.sending.sender import ENTRY, TRIAL, Sender
from mqn.track.tracker import Tracker

pytestmark = pytest.mark.slow  # MLflow takes a while to make tables and runs.


def runs_of(uri: str, study: str) -> list:
    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(study)
    return [run for run in client.search_runs([found.experiment_id]) if TRIAL in run.data.tags]


def test_what_a_dead_driver_had_in_its_spool_is_sent_later_and_doubles_nothing(uri, tmp_path, trial):
    dead = Tracker(uri, tmp_path / "dead")
    dead._delivery.ask = lambda: None  # It was killed before it sent anything.
    for number in range(3):
        dead.log_trial(trial("taken", number))
    with Tracker(uri, tmp_path / "alive") as alive:
        assert alive.logged_anywhere("taken") == frozenset()
        for number in range(3):
            alive.log_trial(trial("taken", number), ended=1_700_000_000.0)
        assert alive.logged_here("taken") == {0, 1, 2}
    assert find_logged(uri, "taken") == {0, 1, 2}
    again = Tracker(uri, tmp_path / "dead")
    assert again.logged_here("taken") == {0, 1, 2}
    assert not again.flush()
    again.close()
    dead.close(send=False)
    runs = runs_of(uri, "taken")
    assert sorted(run.data.tags[TRIAL] for run in runs) == ["0", "1", "2"]
    assert {run.info.end_time for run in runs} == {1_700_000_000_000}


def test_a_run_that_a_dead_driver_began_is_made_anew(uri, tmp_path, trial, monkeypatch):
    record = trial("begun", 0)
    half = trial_entry("1-1-1-t0", record, curves=[], tags={"by": "dead"}, artifacts={})
    with monkeypatch.context() as patch:
        patch.setattr(Sender, "_end", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Sender(uri).send(half)
    assert find_logged(uri, "begun") == frozenset()
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(record)
    (run,) = runs_of(uri, "begun")
    assert run.info.status == "FINISHED"
    assert "by" not in run.data.tags
    Sender(uri).send(half)  # The dead driver's home is back.
    assert len(runs_of(uri, "begun")) == 1


def test_a_trial_whose_sending_is_cut_short_leaves_no_part_of_a_run(uri, trial, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    entry = trial_entry("1-1-1-t0", trial("cut", 0), curves=[], tags={}, artifacts={})
    sender = Sender(uri)
    with monkeypatch.context() as patch:
        patch.setattr(sender.client, "log_batch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            sender.send(entry)
    assert runs_of(uri, "cut") == []
    assert sender.send(entry) is None
    assert [run.info.status for run in runs_of(uri, "cut")] == ["FINISHED"]


def test_a_transaction_that_fails_is_made_again_by_calls_of_their_own(uri, trial, monkeypatch):
    @contextlib.contextmanager
    def refuse(_self: object) -> Iterator[None]:
        raise MlflowException("refused")
        yield

    monkeypatch.setattr(DirectStore, "together", refuse)
    assert Sender(uri).send(trial_entry("1-1-1-t0", trial("apart", 0), curves=[], tags={}, artifacts={})) is None
    assert [run.data.metrics["psnr_tm"] for run in runs_of(uri, "apart")] == [25.5]


@pytest.mark.parametrize("count", [2, 3])
def test_senders_that_begin_a_run_at_the_same_moment_leave_one(count, uri, trial, monkeypatch):
    study = f"race{count}"
    together, real = threading.Barrier(count), Sender._create
    Sender(uri).send(trial_entry("0-1-1-t9", trial(study, 9), curves=[], tags={}, artifacts={}))

    def create(self: Sender, *words: object, **options: object) -> object:
        together.wait(60)
        return real(self, *words, **options)

    monkeypatch.setattr(Sender, "_create", create)
    entries = [
        trial_entry(f"{i}-1-1-t0", trial(study, 0), curves=[], tags={}, artifacts={}, ended=1_700_000_000_000)
        for i in range(count)
    ]

    def send(entry: object) -> None:
        try:
            Sender(uri).send(entry)
        except failures():  # Its run was deleted under it: a round sends the entry again.
            monkeypatch.setattr(Sender, "_create", real)
            Sender(uri).send(entry)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(send, entries))
    runs = [run for run in runs_of(uri, study) if run.data.tags[TRIAL] == "0"]
    assert [run.info.status for run in runs] == ["FINISHED"]
    assert runs[0].data.tags[ENTRY] in {entry.id for entry in entries}
    assert len(mlflow.MlflowClient(tracking_uri=uri).get_metric_history(runs[0].info.run_id, "psnr_tm")) == 1


def test_drivers_that_open_a_study_at_the_same_moment_share_its_run(uri, monkeypatch):
    together, real, first = threading.Barrier(2), Sender._create, threading.Semaphore(2)

    def create(self: Sender, *words: object, **options: object) -> object:
        if first.acquire(blocking=False):
            together.wait(60)
        return real(self, *words, **options)

    monkeypatch.setattr(Sender, "_create", create)
    monkeypatch.setattr("mqn.track.sending.sender._YIELD_SECONDS", 0.2)
    with ThreadPoolExecutor(2) as pool:
        parents = list(pool.map(lambda sender: sender._parent("opened"), [Sender(uri), Sender(uri)]))
    client = mlflow.MlflowClient(tracking_uri=uri)
    runs = client.search_runs([client.get_experiment_by_name("opened").experiment_id])
    assert {run.info.run_id for run in runs} == set(parents)
    assert len(runs) == 1


def test_files_that_a_dead_driver_could_not_store_are_stored_by_another(
    uri, tmp_path, trial, model: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> None:
        raise OSError("no room")

    record, files = trial("fileless", 0), {"model/model.tflite": model}
    with monkeypatch.context() as patch:
        patch.setattr("mlflow.store.artifact.local_artifact_repo.LocalArtifactRepository.log_artifact", fail)
        assert Sender(uri).send(trial_entry("1-1-1-t0", record, curves=[], tags={}, artifacts=files)) is not None
    assert find_logged(uri, "fileless") == frozenset()
    assert Sender(uri).send(trial_entry("2-1-1-t0", record, curves=[], tags={}, artifacts=files)) is None
    assert find_logged(uri, "fileless") == {0}
    (run,) = runs_of(uri, "fileless")
    assert [f.path for f in mlflow.MlflowClient(tracking_uri=uri).list_artifacts(run.info.run_id)] == ["model"]


def test_a_run_that_a_person_deleted_is_not_made_again(uri, tmp_path, trial):
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial("deleted", 4))
    (run,) = runs_of(uri, "deleted")
    mlflow.MlflowClient(tracking_uri=uri).delete_run(run.info.run_id)
    assert find_logged(uri, "deleted") == {4}


def test_a_server_that_is_away_cannot_be_asked(dead_uri: str, tmp_path):
    with pytest.raises(TrackingError, match="cannot be asked for the runs of 'any'"):
        find_logged(dead_uri, "any")
    assert find_logged(f"sqlite:///{tmp_path}/none.db", "any") == frozenset()
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("seed", range(3))
def test_no_order_of_senders_loses_the_run_or_doubles_it(seed, uri, trial, monkeypatch):
    """Each call to MLflow takes a seeded time, so that searches, completions and deletions mix."""
    study, dice, lock = f"mixed{seed}", random.Random(seed), threading.Lock()
    Sender(uri).send(trial_entry("0-1-1-t9", trial(study, 9), curves=[], tags={}, artifacts={}))

    def delayed(name: str) -> None:
        real = getattr(mlflow.MlflowClient, name)

        def call(self: object, *words: object, **options: object) -> object:
            with lock:
                pause = dice.choice([0.0, 0.0, 0.02, 0.1])
            time.sleep(pause)
            return real(self, *words, **options)

        monkeypatch.setattr(mlflow.MlflowClient, name, call)

    for name in ("search_runs", "create_run", "set_terminated", "delete_run"):
        delayed(name)

    def send(index: int) -> None:
        record = trial(study, 0)
        entry = trial_entry(f"{index}-1-1-t0", record, curves=[], tags={}, artifacts={}, ended=1_700_000_000_000)
        for _ in range(5):
            try:
                return Sender(uri).send(entry)
            except failures():
                continue
        raise AssertionError("not sent")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(send, range(3)))
    runs = [run for run in runs_of(uri, study) if run.data.tags[TRIAL] == "0"]
    assert [run.info.status for run in runs] == ["FINISHED"]


def test_a_database_of_studies_takes_no_runs_and_the_other_way_round(tracking_database, tmp_path):
    studies, runs = f"sqlite:///{tmp_path}/study.db", f"sqlite:///{shutil.copy(tracking_database, tmp_path)}"
    store.connect(studies)
    with pytest.raises(TrackingError, match="holds studies, and MLflow's tables cannot be in one with Optuna's"):
        Sender(studies)
    Sender(runs)
    with pytest.raises(StudyError, match="it is MLflow's; studies need a database of their own"):
        store.connect(runs)
