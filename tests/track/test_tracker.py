from __future__ import annotations

from pathlib import Path

import pytest

from mqn.errors import TrackingError
from mqn.track.connection import connect
from mqn.track.entries import trial_entry
from mqn.track.sending.sender import Sender
from mqn.track.tracker import Tracker

CURVES = [
    {"epoch": 0, "loss": 0.5, "val_psnr_tm": 20.0, "seconds": 1.0},
    {"epoch": 1, "loss": 0.25, "val_psnr_tm": 22.0, "seconds": 1.0},
]


def runs(uri, study):
    client = connect(uri)
    experiment = client.get_experiment_by_name(study)
    found = client.search_runs([experiment.experiment_id], order_by=["attributes.run_name"])
    parents = [run for run in found if run.data.tags["mqn.role"] == "study"]
    children = [run for run in found if run.data.tags["mqn.role"] == "trial"]
    return client, parents, children


@pytest.mark.slow
def test_a_study_is_an_experiment_with_one_parent_and_a_child_a_trial(uri, tmp_path, trial, model):
    strip = tmp_path / "strip"
    strip.mkdir()
    (strip / "1.png").write_bytes(b"png")
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.open_study("whole", {"space": "smoke", "seed": 3}, {"data_hash": "d0"})
        files = {"model": model, "manifest.json": model, "strip": strip}
        tracker.log_trial(trial("whole", 0), curves=CURVES, artifacts=files, tags={"data_hash": "d0"})
        tracker.log_trial(trial("whole", 1, state="failed", error="no such cut", figures={}))
        tracker.log_trial(trial("whole", 2, state="pruned"))
        backlog = tracker.close_study("whole", {"hypervolume": 1.5})
    assert (backlog.left, backlog.refused, backlog.reason) == (0, 0, "")

    client, parents, children = runs(uri, "whole")
    assert [run.info.status for run in parents] == ["FINISHED"]
    assert parents[0].data.params == {"space": "smoke", "seed": "3"}
    assert parents[0].data.metrics == {"hypervolume": 1.5}
    assert [run.info.status for run in children] == ["FINISHED", "FAILED", "KILLED"]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parents[0].info.run_id}
    assert children[1].data.tags["error"] == "no such cut"

    first = children[0]
    assert first.info.run_name == "0000 ca w0.35 int8+dynamic"
    assert first.info.end_time - first.info.start_time == 3000
    assert first.data.params["arch.attention"] == "ca"
    assert first.data.params["plan.head"] == "dynamic_wi8_afp32"
    wanted = {
        "psnr_tm": 25.5,
        "latency_ms.p50/board": 7.25,
        "latency_ms.p90/board": 8.0,
        "peak_memory_mb/board": 12.0,
        "violation/latency_ms __ 21": -13.75,
        "seconds/train": 2.0,
        "train/loss": 0.25,
        "val/psnr_tm": 22.0,
    }
    assert {name: first.data.metrics[name] for name in wanted} == wanted
    assert [(m.step, m.value) for m in client.get_metric_history(first.info.run_id, "train/loss")] == [
        (0, 0.5),
        (1, 0.25),
    ]
    tags = first.data.tags
    assert (tags["trial"], tags["state"], tags["feasible"], tags["seed"]) == ("0", "complete", "true", "0")
    assert (tags["verdict.board"], tags["data_hash"]) == ("ok", "d0")
    assert tags["version.mlflow"].startswith("3.")
    listed = {file.path for file in client.list_artifacts(first.info.run_id)}
    assert listed == {"model", "manifest.json", "strip"}
    assert [file.path for file in client.list_artifacts(first.info.run_id, "model")] == ["model/model.tflite"]
    assert first.info.artifact_uri.startswith(
        f"{Path(uri.removeprefix('sqlite:///')).parent.as_uri()}/mlartifacts/whole"
    )


def test_every_device_has_its_latency_with_its_range_and_its_verdict(trial):
    ranged = {"latency_ms": 7.25, "latency_ms.p50_low": 7.1, "latency_ms.p50_high": 7.4}
    devices = {"board": ranged, "kind:pixel8": {"latency_ms": 3.0, "undelegated_memory_mb": 9.0}}
    record = trial(
        "devices",
        0,
        figures={"psnr_tm": 25.5},
        device_figures=devices,
        verdicts={"board": "ok", "kind:pixel8": "unsteady"},
    )
    entry = trial_entry("id", record, curves=[], tags={}, artifacts={})
    told = {point.name: point.value for point in entry.points if point.name.startswith(("lat", "und"))}
    assert told == {
        "latency_ms.p50/board": 7.25,
        "latency_ms.p50_low/board": 7.1,
        "latency_ms.p50_high/board": 7.4,
        "latency_ms.p50/kind:pixel8": 3.0,
        "undelegated_memory_mb/kind:pixel8": 9.0,
    }
    assert len({point.name for point in entry.points}) == len(entry.points)
    assert (entry.tags["verdict.board"], entry.tags["verdict.kind:pixel8"]) == ("ok", "unsteady")


@pytest.mark.slow
def test_a_trial_logged_again_stays_one_run_with_single_metrics(uri, tmp_path, trial):
    for _ in range(2):
        with Tracker(uri, tmp_path / "spool") as tracker:
            tracker.open_study("twice", {"trials": 1}, {})
            tracker.log_trial(trial("twice", 0), curves=CURVES)
            tracker.log_trial(trial("twice", 0), curves=CURVES)
            tracker.close_study("twice", {})
    client, parents, children = runs(uri, "twice")
    assert (len(parents), len(children)) == (1, 1)
    assert [m.step for m in client.get_metric_history(children[0].info.run_id, "train/loss")] == [0, 1]


def test_an_entry_sent_by_half_is_finished_by_the_next_tracker(uri, tmp_path, trial):
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial("half", 0), curves=CURVES)
    client, _, (run,) = runs(uri, "half")
    # As if the driver had been killed after the metrics, before the end of the run.
    client.update_run(run.info.run_id, status="RUNNING")
    with Tracker(uri, tmp_path / "other") as tracker:
        tracker.log_trial(trial("half", 0), curves=CURVES)
    client, _, (run,) = runs(uri, "half")
    assert run.info.status == "FINISHED"
    assert [m.step for m in client.get_metric_history(run.info.run_id, "train/loss")] == [0, 1]


def test_a_resumed_study_keeps_its_params_and_names_the_changed_ones(uri, tmp_path):
    for trials in (4, 8):
        with Tracker(uri, tmp_path / "spool") as tracker:
            tracker.open_study("resumed", {"trials": trials}, {})
    _, (parent,), _ = runs(uri, "resumed")
    assert parent.info.status == "RUNNING"
    assert parent.data.params == {"trials": "4"}
    assert parent.data.tags["resumed.trials"] == "8"


@pytest.mark.slow
def test_many_epochs_are_sent_in_batches(uri, tmp_path, trial):
    curves = [{"epoch": i, **{f"figure{k}": float(i + k) for k in range(6)}} for i in range(400)]
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial("long", 0), curves=curves)
    client, _, (run,) = runs(uri, "long")
    assert len(client.get_metric_history(run.info.run_id, "train/figure5")) == 400


def test_who_interrupts_waits_for_a_server_that_hangs_only_for_a_moment(tmp_path, trial, monkeypatch):
    waited = []

    def flush(_tracker, timeout=60.0):
        waited.append(timeout)

    monkeypatch.setattr(Tracker, "flush", flush)
    monkeypatch.setattr("mqn.track.sending.delivery.Delivery.ask", lambda _: None)
    for kind in (KeyboardInterrupt, ValueError):
        tracker = Tracker("http://127.0.0.1:9", tmp_path / "spool")
        tracker.log_trial(trial("cut", 0))
        tracker.__exit__(kind, kind(), None)
        assert tracker.waiting("cut").left > 0
    assert waited == [5.0, 60.0]


def test_what_is_not_finite_is_named_in_a_tag(uri, tmp_path, trial):
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial("nan", 0), curves=[{"epoch": 0, "loss": float("nan"), "l1": 1.0}])
    _, _, (run,) = runs(uri, "nan")
    assert run.data.tags["not_finite"] == "train/loss"
    assert run.data.metrics["train/l1"] == 1.0


def test_an_artifact_that_is_gone_is_named_in_a_tag(uri, tmp_path, trial):
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial("gone", 0), artifacts={"model": tmp_path / "none.tflite"})
    _, _, (run,) = runs(uri, "gone")
    assert run.data.tags["missing_artifacts"] == "model"


def test_a_bug_while_sending_is_raised_where_the_study_runs(uri, tmp_path, trial, monkeypatch):
    def fail(self, entry, stalled):
        raise KeyError("bug")

    monkeypatch.setattr(Sender, "send", fail)
    tracker = Tracker(uri, tmp_path / "spool")
    tracker.log_trial(trial("bug", 0))
    with pytest.raises(KeyError, match="bug"):
        tracker.flush()


def test_without_a_uri_nothing_happens(tmp_path, trial, model):
    with Tracker("", tmp_path / "spool") as tracker:
        tracker.open_study("s", {}, {})
        tracker.log_trial(trial("s", 0))
        assert tracker.close_study("s", {}).left == 0
        assert tracker.flush().left == 0
        assert tracker.register_bundle("m", model.parent, study="s", number=0, tags={}) == ""
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize("uri", ["mlruns", "file:///tmp/mlruns", "ftp://host", "sqlite"])
def test_a_uri_that_cannot_be_used_is_refused(uri, tmp_path):
    with pytest.raises(TrackingError, match="sqlite://, postgresql://"):
        Tracker(uri, tmp_path / "spool")


def test_a_uri_of_mlflows_variable_that_cannot_be_used_names_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    with pytest.raises(TrackingError, match="MLFLOW_TRACKING_URI names it: set"):
        Tracker("./mlruns", tmp_path / "spool")


@pytest.mark.slow
def test_a_process_that_may_not_send_any_more_sends_nothing_and_keeps_it(uri, tmp_path, trial):
    mine = True
    tracker = Tracker(uri, tmp_path / "spool", allowed=lambda: mine)
    tracker.open_study("fenced", {}, {})
    tracker.log_trial(trial("fenced", 0))
    assert tracker.flush().left == 0
    mine = False
    tracker.log_trial(trial("fenced", 1))
    backlog = tracker.close_study("fenced", {})
    assert (backlog.left, backlog.reason) == (2, "this driver does not hold its study any more, so it sends nothing")
    tracker.close()
    _, parents, children = runs(uri, "fenced")
    assert [run.info.status for run in parents] == ["RUNNING"]
    assert [run.data.tags["mqn.trial"] for run in children] == ["0"]
    with Tracker(uri, tmp_path / "spool") as again:
        assert again.flush().left == 0
    assert len(runs(uri, "fenced")[2]) == 2
