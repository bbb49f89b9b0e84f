"""The tracker against a real MLflow server that comes up late."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from tests.support.records import make_trial, write_manifest
from tests.support.rigs.line import Line
from tests.support.rigs.mlflow import Mlflow
from tests.support.rigs.waiting import free_port
from tests.support.tflite_models import convolutions

from mqn.track.connection import connect
from mqn.track.entries import Point, TrackedData
from mqn.track.tracker import Tracker

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(tracking_database: Path) -> Iterator[Mlflow]:
    with Mlflow(database=tracking_database) as server:
        yield server


@pytest.fixture
def rootless(tracking_database: Path) -> Iterator[Mlflow]:
    """A server whose place for files exists only where it runs."""
    places = ("--no-serve-artifacts", "--default-artifact-root", "file:///proc/mqn/artifacts")
    with Mlflow(database=tracking_database, places=places) as server:
        yield server


def test_what_was_logged_while_the_server_was_away_is_there_when_it_is_back(server, tmp_path, capfd):
    port = free_port()  # Nobody listens there yet.
    address = f"http://127.0.0.1:{port}"
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "model.tflite").write_bytes(b"TFL3")
    figures = {"psnr_tm": 25.0}
    record = make_trial(study="late", figures=figures)
    with Tracker(address, tmp_path / "spool") as tracker:
        tracker.open_study("late", {"seed": 1}, {})
        tracker.log_trial(record, artifacts={"model": bundle / "model.tflite"})
        assert tracker.flush().left == 2
        line = Line(server.port, listen=port)
        backlog = tracker.close_study("late", {"hypervolume": 1.0})
        assert (backlog.left, backlog.refused, backlog.reason) == (0, 0, "")
        version = tracker.register_bundle("mqn", bundle, study="late", number=0, tags={})
    assert capfd.readouterr().out == ""
    client = connect(address)
    experiment = client.get_experiment_by_name("late")
    runs = client.search_runs([experiment.experiment_id])
    (trial,) = [run for run in runs if run.data.tags["mqn.role"] == "trial"]
    assert len(runs) == 2
    assert trial.data.metrics == figures
    assert [file.path for file in client.list_artifacts(trial.info.run_id, "model")] == ["model/model.tflite"]
    assert client.get_model_version("mqn", version).run_id == trial.info.run_id
    line.close()
    assert (server.folder / "artifacts" / experiment.experiment_id).is_dir()


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")  # as mlflow.pyfunc is imported
def test_a_server_keeps_a_trials_model_once_and_where_it_says(server, tmp_path, monkeypatch):
    model = tmp_path / "made" / "model.tflite"
    model.parent.mkdir()
    model.write_bytes(convolutions(32, 3, signed=True))
    write_manifest(model, codec="mulaw", input_size=32)
    files = {"model/model.tflite": model, "model/manifest.json": model.parent / "manifest.json", "strip.png": model}
    data = TrackedData(name="photos", digest="d", source="/photos")
    points = [[Point(name="hypervolume", value=v, at=v, step=v) for v in range(n)] for n in (2, 4)]
    with Tracker(server.url, tmp_path / "spool") as tracker:
        tracker.open_study("served", {}, {}, data=data)
        tracker.log_trial(make_trial(study="served"), artifacts=files)
        tracker.log_trial(make_trial(study="served"), artifacts=files)
        for some in points:
            tracker.add_to_study("served", series={"hypervolume": some})
        assert not tracker.close_study("served", {})
    client = connect(server.url)
    experiment = client.get_experiment_by_name("served").experiment_id
    parent, run = sorted(client.search_runs([experiment]), key=lambda run: run.data.tags["mqn.role"])
    assert [point.step for point in client.get_metric_history(parent.info.run_id, "hypervolume")] == [0, 1, 2, 3]
    assert [one.dataset.name for one in run.inputs.dataset_inputs] == ["photos"]
    (output,) = run.outputs.model_outputs
    assert client.get_logged_model(output.model_id).status == "READY"
    assert [found.model_id for found in client.search_logged_models([experiment])] == [output.model_id]
    assert len(list((server.folder / "artifacts" / experiment).rglob("model.tflite"))) == 1
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    for name in (f"models:/{output.model_id}", f"runs:/{run.info.run_id}/model"):
        assert mlflow.pyfunc.load_model(name).predict([[[[0, 128, 255]] * 32] * 32]).shape == (1, 32, 32, 3)


def test_figures_are_logged_where_the_servers_place_for_files_exists_only_there(rootless, tmp_path):
    picture = tmp_path / "strip.png"
    picture.write_bytes(b"png")
    with Tracker(rootless.url, tmp_path / "spool") as tracker:
        tracker.open_study("rootless", {"seed": 1}, {})
        for number in range(6):
            figures = {"psnr_tm": 20.0 + number}
            record = make_trial(number, study="rootless", figures=figures)
            tracker.log_trial(record, artifacts={"strip": picture})
        backlog = tracker.close_study("rootless", {"trials": 6})
    assert (backlog.left, backlog.refused, backlog.unstored) == (0, 0, 6)
    assert "files cannot be put at file:///proc/mqn/artifacts/1 (" in str(backlog)
    assert "mlflow server --serve-artifacts" in str(backlog)
    client = connect(rootless.url)
    runs = client.search_runs([client.get_experiment_by_name("rootless").experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"}
    trials = sorted(run.data.metrics["psnr_tm"] for run in runs if run.data.tags["mqn.role"] == "trial")
    assert trials == [20.0, 21.0, 22.0, 23.0, 24.0, 25.0]


def test_a_database_whose_making_was_killed_is_made_anew(tmp_path: Path) -> None:
    code = f"from mqn.track.connection import connect; connect('sqlite:///{tmp_path}/mlflow.db').search_experiments()"
    victim = subprocess.Popen([sys.executable, "-c", code])
    while not list(tmp_path.glob(".mlflow-*/mlflow.db")):
        assert victim.poll() is None
        time.sleep(0.01)
    victim.kill()
    victim.wait()
    assert not (tmp_path / "mlflow.db").exists()
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "mlflow.db").exists()
