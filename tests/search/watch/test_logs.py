from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mqn.errors import TrainingError
from mqn.records import Candidate, Span, TrialRecord
from mqn.search.artifacts import ArtifactStore
from mqn.search.watch.logs import trial_logs
from mqn.search.work.jobs import Job, perform


def speak(folder: Path, *, words: str) -> dict[str, str]:
    os.write(1, f"{words}\n".encode())
    if words == "wrong":
        raise TrainingError("the loss is not finite")
    return {}


def record(**changes: Any) -> TrialRecord:
    return TrialRecord(**{"study": "s", "number": 0, "state": "failed", "candidate": Candidate(), **changes})


def test_each_step_says_what_it_printed_and_what_became_of_it(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    train = Job(stage="train", inputs={}, function=speak, arguments={"words": "token=hunter22hunter22 epoch 1"})
    score = Job(stage="score", inputs={}, function=speak, arguments={"words": "wrong"})
    silent = Job(stage="convert", inputs={}, function=speak, arguments={"words": "x"})
    for job in (train, score):
        perform(store, job, capture=True)
    perform(store, silent)
    span = Span(begin=1.0, end=2.0, host="lab1")
    found = trial_logs(
        record(
            artifacts={"train": train.key, "convert": silent.key},
            unfinished={"score/float": score.key, "measure/board": "absent"},
            spans={"train": span},
        ),
        {},
        store,
    )
    assert [(one.step, one.stage, one.state) for one in found] == [
        ("train", "train", "done"),
        ("convert", "convert", "done"),
        ("score/float", "score", "unfinished"),
        ("measure/board", "measure", "unfinished"),
    ]
    assert found[0].span == span
    assert "epoch 1" in (found[0].text or "")
    assert "hunter22" not in (found[0].text or "")
    assert found[1].text is None
    assert "TrainingError: the loss is not finite" in (found[2].text or "")
    assert found[3].text is None


def test_a_running_trial_is_read_as_its_driver_says(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    done = Job(stage="train", inputs={}, function=speak, arguments={"words": "epoch 8"})
    perform(store, done, capture=True)
    with store.open("convert", "made-now") as slot:
        (slot.folder / "log.txt").write_text("so far\n")
        found = trial_logs(record(state="running"), {"train": done.key, "convert": "made-now"}, store)
    assert [(one.step, one.state) for one in found] == [("train", "done"), ("convert", "running")]
    assert found[1].text == "so far\n"
