from __future__ import annotations

import dataclasses
import functools
import io
import json
from types import SimpleNamespace

import pytest
from rich.console import Console
from tests.support.records import make_trial

from mqn.cli.study.live_progress import LiveProgress
from mqn.device.pool.pool import DeviceReport
from mqn.records import TrialRecord
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space_file import parse_space
from mqn.search.stages.train import tell_epoch
from mqn.search.study.progress import describe
from mqn.search.work.jobs import Job, Work


def record(number: int, psnr_tm: float, latency_ms: float, **changes) -> TrialRecord:
    figures = {"psnr_tm": psnr_tm, "latency_ms": latency_ms}
    return make_trial(number, study="tiny", figures=figures, target="local", **changes)


@pytest.fixture
def grid():
    definition = {
        "name": "tiny",
        "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
        "dimensions": {"arch.attention": {"choices": ["none", "ca"]}},
    }
    return parse_space(definition, source="tiny.toml")


@pytest.fixture
def training(tmp_path):
    watch = functools.partial(tell_epoch, total=20)
    job = Job(stage="train", key="k", inputs={}, function=print, watch=watch)
    return Work(job=job, owner=1), SimpleNamespace(store=ArtifactStore(tmp_path), running=[])


def test_lines_off_a_terminal(grid):
    out = io.StringIO()
    with LiveProgress("tiny", grid, 12, [], console=Console(file=out, width=200)) as progress:
        progress.finish(record(0, 20.0, 4.0, violations={"latency_ms <= 3": 1.0}, verdicts={"local": "contended"}))
        failed = make_trial(1, study="tiny", state="failed", error="train: no [luck]")
        progress.finish(failed)
    assert out.getvalue().splitlines() == [
        "trial 0 done: ca w0.35 int8+dynamic: psnr_tm 20, latency_ms 4, breaks latency_ms <= 3, measured contended"
        "  (1 of 12)",
        "trial 1 failed: train: no [luck]",
    ]


def test_table_on_a_terminal(grid, training):
    work, scheduler = training
    scheduler.running.append(work)
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=True)
    with LiveProgress("tiny", grid, 12, [record(0, 20.0, 4.0), record(2, 21.0, 5.0)], console=console) as progress:
        progress.show({}, scheduler)
    assert "2 of 12 trials, 0 failed" in out.getvalue()
    assert "train, epoch 0 of 20" in out.getvalue()
    assert "best psnr_tm 21 dB, best latency_ms 4 ms, front of 2" in out.getvalue()


def test_lines_say_what_is_scored_and_never_repeat(grid, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("mqn.search.study.progress.time.monotonic", lambda: now[0])
    told = ("score doing nothing", "score the float network", "score the quantized files")
    works = [Work(job=Job(stage="score", key=one, inputs={}, function=print, doing=one), owner=3) for one in told]
    scheduler = SimpleNamespace(store=ArtifactStore(tmp_path), running=works)
    out = io.StringIO()
    with LiveProgress("tiny", grid, 12, [], console=Console(file=out, width=200)) as progress:
        for seconds in (0.0, 10.0, 45.0, 90.0):
            now[0] = seconds
            progress.show({}, scheduler)
    assert out.getvalue().splitlines() == [
        "trial 3: score doing nothing",
        "trial 3: score the float network",
        "trial 3: score the quantized files",
    ]


def test_epochs_are_read_beside_the_training(training):
    work, scheduler = training
    folder = scheduler.store.partial("train", "k")
    folder.mkdir(parents=True)
    (folder / "history.json").write_text(json.dumps([{"loss": 0.5}, {"loss": 0.25}]))
    assert describe(work, scheduler.store) == "train, epoch 2 of 20, loss 0.25"


def test_a_device_that_goes_away_is_told_once(grid, tmp_path):
    out, told = io.StringIO(), []
    scheduler = SimpleNamespace(store=ArtifactStore(tmp_path), running=[])
    report = DeviceReport(name="board", kind="", url="", state="idle", since="")
    with LiveProgress("tiny", grid, 12, [], devices=lambda: told, console=Console(file=out, width=200)) as progress:
        for state in ("idle", "away", "quarantined", "busy"):
            told[:] = [dataclasses.replace(report, state=state, error="" if state == "busy" else "no agent answers")]
            progress.show({}, scheduler)
    assert out.getvalue().splitlines() == ["device board is away: no agent answers", "device board is back"]


def test_where_a_measurement_runs(tmp_path):
    job = Job(stage="measure", key="k", inputs={}, function=print, arguments={"device": "phone 2"}, target="kind:p")
    assert describe(Work(job=job, owner=1, placed=job), ArtifactStore(tmp_path)) == "measure on phone 2"


def test_a_line_that_says_nothing_new_is_not_repeated(grid, training, monkeypatch):
    work, scheduler = training
    scheduler.running.append(work)
    folder, out, seconds = scheduler.store.partial("train", "k"), io.StringIO(), iter(range(0, 10_000, 100))
    folder.mkdir(parents=True)
    monkeypatch.setattr("time.monotonic", lambda: next(seconds))
    with LiveProgress("tiny", grid, 12, [], console=Console(file=out, width=200)) as progress:
        for epochs in (0, 0, 1, 1, 1, 2):
            (folder / "history.json").write_text(json.dumps([{"epoch": epoch} for epoch in range(epochs)]))
            progress.show({}, scheduler)
    assert out.getvalue().splitlines() == [f"trial 1: train, epoch {epoch} of 20" for epoch in (0, 1, 2)]


def test_a_trial_that_waits_is_not_done(grid):
    out = io.StringIO()
    held = make_trial(1, study="tiny", state="held", waits="measure/local: unsteady")
    with LiveProgress("tiny", grid, 12, [held], console=Console(file=out, width=200)) as progress:
        progress.finish(held)
        progress.finish(record(0, 20.0, 4.0))
    assert out.getvalue().splitlines()[0] == "trial 1 waits: measure/local: unsteady"
    assert "(1 of 12)" in out.getvalue()
