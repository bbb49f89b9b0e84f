"""Trials' models as models of MLflow's, and the datasets of their runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from tests.support.records import write_manifest
from tests.support.tflite_models import convolutions

from mqn.records import TrialRecord
from mqn.track.connection import connect
from mqn.track.entries import Point, Shared, TrackedData, trial_entry
from mqn.track.flavor import MLMODEL, completed, write_mlmodel
from mqn.track.sending.sender import BEGUN, TRIAL, Sender
from mqn.track.tracker import Tracker

GOALS = {"psnr_tm": "maximize", "latency_ms/board": "minimize"}
DATA = TrackedData(name="photos", digest="d" * 64, source="/data/photos")
Trial = Callable[..., TrialRecord]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A trial's model, as the pipeline logs it."""
    model = tmp_path / "made" / "model.tflite"
    model.parent.mkdir()
    model.write_bytes(convolutions(32, 3, signed=True))
    folder = write_manifest(model, codec="mulaw", input_size=32)
    return {"model/model.tflite": model, "model/manifest.json": folder / "manifest.json"}


def entry_of(trial: Trial, study: str, number: int, artifacts: dict[str, Path], tmp_path: Path):
    whole = completed(artifacts, write_mlmodel(tmp_path / MLMODEL))
    shared = Shared(goals=GOALS, data=DATA)
    record = trial(study, number)
    return trial_entry(f"1-1-1-t{number}", record, curves=[], tags={}, artifacts=whole, shared=shared)


def run_of(uri: str, study: str, number: int):
    client = connect(uri)
    experiment = client.get_experiment_by_name(study).experiment_id
    runs = client.search_runs([experiment], f"tags.`{TRIAL}` = '{number}'")
    assert len(runs) == 1
    return client, runs[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")  # as mlflow.pyfunc is imported
def test_a_trial_logs_its_model_once_and_mlflow_loads_it(uri, tmp_path, trial, files, monkeypatch):
    constants = trial("modelled", 0).candidate.flat()
    del constants["arch.attention"]
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.open_study("modelled", {}, {}, goals=GOALS, constants=constants, data=DATA)
        tracker.log_trial(trial("modelled", 0), artifacts=files)
        tracker.log_trial(trial("modelled", 0), artifacts=files)
    client, run = run_of(uri, "modelled", 0)
    (output,) = run.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert (model.name, model.status, model.source_run_id) == ("trial-0000", "READY", run.info.run_id)
    assert model.artifact_location == f"{run.info.artifact_uri}/model"
    assert {metric.key: metric.value for metric in model.metrics} == {"psnr_tm": 25.5, "latency_ms.p50/board": 7.25}
    assert model.params == run.data.params == {"arch.attention": "ca"}
    assert sorted(file.path for file in client.list_artifacts(run.info.run_id, "model")) == [
        "model/MLmodel",
        "model/manifest.json",
        "model/model.tflite",
    ]
    assert len(client.search_logged_models([run.info.experiment_id])) == 1
    (read,) = run.inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest) == ("photos", "d" * 36)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    loaded = mlflow.pyfunc.load_model(f"models:/{output.model_id}")
    assert loaded.metadata.signature.inputs.inputs[0].shape == (-1, -1, -1, 3)
    assert loaded.predict([[[[0, 128, 255]] * 32] * 32]).shape == (1, 32, 32, 3)


def test_what_all_trials_share_is_a_param_of_the_studys_run_alone(uri, tmp_path, trial):
    same, other = trial("shared", 0), trial("shared", 1)
    other = trial("shared", 1, candidate=other.candidate.with_values({"training.seed": 7}))
    constants = {key: value for key, value in same.candidate.flat().items() if key != "plan.head"}
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.open_study("shared", {"space": "smoke"}, {}, constants=constants)
        for record in (same, other):
            tracker.log_trial(record)
    _, run = run_of(uri, "shared", 0)
    assert set(run.data.params) == {"plan.head"}
    client, run = run_of(uri, "shared", 1)
    assert run.data.params == {"plan.head": "dynamic_wi8_afp32", "training.seed": "7"}
    parent = client.get_run(run.data.tags["mlflow.parentRunId"])
    assert parent.data.params["training.seed"] == "0"
    assert parent.data.params["space"] == "smoke"


def test_a_model_whose_files_cannot_be_stored_is_ready_when_they_are(uri, tmp_path, trial, files, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise OSError("no room")

    entry = entry_of(trial, "pending", 0, files, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("mlflow.store.artifact.local_artifact_repo.LocalArtifactRepository.log_artifact", fail)
        assert Sender(uri).send(entry) is not None
    client, run = run_of(uri, "pending", 0)
    (output,) = run.outputs.model_outputs
    assert client.get_logged_model(output.model_id).status == "PENDING"
    assert Sender(uri).send_files(entry) is None
    assert client.get_logged_model(output.model_id).status == "READY"


def test_a_model_whose_file_is_gone_is_no_model(uri, tmp_path, trial, files):
    entry = entry_of(trial, "lost", 0, files, tmp_path)
    files["model/model.tflite"].unlink()
    assert Sender(uri).send(entry) is None
    client, run = run_of(uri, "lost", 0)
    (output,) = run.outputs.model_outputs
    assert client.get_logged_model(output.model_id).status == "FAILED"
    assert run.data.tags["missing_artifacts"] == "model/model.tflite"


def test_the_model_of_a_run_that_goes_goes_too(uri, tmp_path, trial, files):
    sender = Sender(uri)
    sender.send(entry_of(trial, "doubled", 0, files, tmp_path))
    client, run = run_of(uri, "doubled", 0)
    # Another driver had begun a run of the same trial later, and completes it.
    (experiment,) = {run.info.experiment_id}
    tags = {**run.data.tags, BEGUN: str(int(run.data.tags[BEGUN]) + 1)}
    later = client.create_run(experiment, tags=tags)
    client.set_terminated(later.info.run_id)
    sender.send(entry_of(trial, "doubled", 0, files, tmp_path))
    _, left = run_of(uri, "doubled", 0)
    assert left.info.run_id == later.info.run_id
    assert list(client.search_logged_models([experiment])) == []


def test_points_that_are_measured_anew_replace_the_earlier_ones(uri, tmp_path):
    def points(*values: float) -> list[Point]:
        return [Point(name="hypervolume", value=value, at=1000 + step, step=step) for step, value in enumerate(values)]

    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.open_study("grown", {}, {}, note="What *to look at*")
        tracker.add_to_study("grown", series={"hypervolume": points(1.0, 2.0)})
        tracker.close_study("grown", {"trials": 2})
        tracker.add_to_study("grown", series={"hypervolume": points(4.0, 5.0, 5.0)})
        tracker.close_study("grown", {"trials": 3})
    client = connect(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("grown").experiment_id])
    found = client.get_metric_history(run.info.run_id, "hypervolume")
    assert sorted((point.step, point.value) for point in found) == [(0, 4.0), (1, 5.0), (2, 5.0)]
    assert (run.data.metrics["hypervolume"], run.data.tags["mlflow.note.content"]) == (5.0, "What *to look at*")
