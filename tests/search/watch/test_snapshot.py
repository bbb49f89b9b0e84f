from __future__ import annotations

from mqn.search.watch.snapshot import DeviceState, RunningJob, Snapshot, WaitingJobs, read_snapshot


def test_a_snapshot_survives_its_text() -> None:
    snapshot = Snapshot(
        study="s",
        at=20.0,
        began=10.0,
        goal=40,
        running={"train": 1},
        queued={"score": 2},
        jobs=(RunningJob(trial=3, stage="train", key="ab", doing="train, epoch 1 of 8", since=12.5),),
        waiting=(WaitingJobs(stage="score", why="its turn", count=2, trials=(1, 2)),),
        devices=(DeviceState(name="board", state="away", error="nobody answers"),),
        there={"CPU": 2.0},
        failures=("trial 1: the loss is not finite",),
        steps={"3": {"train": "ab"}},
    )
    assert read_snapshot(snapshot.text(10_000)) == snapshot


def test_a_long_snapshot_loses_its_longest_lists() -> None:
    steps = {str(trial): {"train": "a" * 64} for trial in range(500)}
    failures = ("trial 1: the loss is not finite",)
    text = Snapshot(study="s", at=0.0, began=0.0, steps=steps, failures=failures).text(10_000)
    found = read_snapshot(text)
    assert len(text) <= 10_000
    assert found is not None
    assert found.failures == failures
    assert 50 < len(found.steps) < 500


def test_a_snapshot_of_another_version_is_left_out() -> None:
    assert read_snapshot('{"study": "s", "news": 1}') is None
    assert read_snapshot("{") is None
