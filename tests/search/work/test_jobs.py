from __future__ import annotations

import os
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mqn.errors import DeviceAwayError, ProcessLostError, TrainingError
from mqn.logs.capture import LOG
from mqn.search.artifacts import ArtifactStore
from mqn.search.work.jobs import Job, Outcome, Work, perform


def write(folder: Path, *, device: str = "") -> dict[str, str]:
    (folder / "out.txt").write_text(device)
    return {}


def speak(folder: Path, *, right: bool) -> dict[str, str]:
    os.write(1, b"at work\n")
    (folder / "half.txt").write_text("half")
    if not right:
        raise TrainingError("the loss is not finite")
    return {}


def fail(folder: Path) -> dict[str, str]:
    raise TrainingError("the loss is not finite")


def test_a_span_says_where_and_when_the_work_was_done(tmp_path: Path) -> None:
    before = time.time()
    outcome = perform(
        ArtifactStore(tmp_path), Job(stage="measure", inputs={}, function=write, arguments={"device": "board"})
    )
    span = outcome.span
    assert span is not None
    assert before <= span.begin <= span.end <= time.time()
    assert (span.host, span.process, span.device) == (socket.gethostname(), os.getpid(), "board")
    assert (span.submitted, span.collected) == (None, None)


def test_what_is_reused_has_no_span(tmp_path: Path) -> None:
    job = Job(stage="train", inputs={}, function=write)
    assert perform(ArtifactStore(tmp_path), job).span is not None
    again = perform(ArtifactStore(tmp_path), job)
    assert (again.reused, again.span, again.seen(1.0, 2.0).span) == (True, None, None)
    assert ArtifactStore(tmp_path).find(*job.id) is not None


def test_a_failure_has_a_span(tmp_path: Path) -> None:
    outcome = perform(ArtifactStore(tmp_path), Job(stage="train", inputs={}, function=fail))
    assert outcome.error == ("TrainingError", "the loss is not finite")
    assert outcome.span is not None
    assert outcome.span.process == os.getpid()


def test_the_driver_adds_the_times_of_its_own_clock(tmp_path: Path) -> None:
    outcome = perform(ArtifactStore(tmp_path), Job(stage="train", inputs={}, function=write))
    span = outcome.seen(100.0, 130.0).span
    assert outcome.span is not None
    assert span is not None
    assert (span.submitted, span.collected, span.begin) == (100.0, 130.0, outcome.span.begin)


def test_of_a_lost_worker_only_the_driver_can_tell_the_time() -> None:
    span = Outcome.failed(ProcessLostError("its worker process was lost")).seen(100.0, 130.0).span
    assert span is not None
    assert (span.begin, span.end, span.host, span.process) == (100.0, 130.0, "", 0)


@pytest.mark.parametrize("tries", [3, 50])
def test_the_latest_tries_are_kept(tries: int) -> None:
    work = Work(job=Job(stage="measure", inputs={}, function=write), owner=0)
    for number in range(tries):
        work.note_attempt(Outcome.failed(DeviceAwayError(f"{number}")).seen(float(number), number + 1.0))
    assert len(work.attempts) == min(tries, 32)
    assert work.attempts[-1].error == ("DeviceAwayError", f"{tries - 1}")
    assert work.attempts[-1].step == "measure"


def test_what_a_job_prints_is_a_file_of_its_artifact(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    job = Job(stage="train", inputs={}, function=speak, arguments={"right": True})
    assert perform(store, job, capture=True).error is None
    assert b"at work\n" in (store.log(*job.id) or b"")
    assert LOG in store.get(*job.id).manifest.files


def test_the_log_of_a_failed_job_is_no_artifact_and_goes_into_that_of_the_next_try(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    job = Job(stage="train", inputs={}, function=speak, arguments={"right": False})
    assert perform(store, job, capture=True).error is not None
    assert b"TrainingError: the loss is not finite" in (store.log(*job.id) or b"")
    assert (store.find(*job.id), store.keys(), store.partials()) == (None, [], [job.id])
    again = perform(store, replace(job, arguments={"right": True}), capture=True)
    assert again.error is None
    assert (store.log(*job.id) or b"").count(b"at work\n") == 2
    for entry in store.entries():
        store.remove(entry)
    assert store.log(*job.id) is None


def test_only_the_log_is_kept_of_a_try_that_cannot_go_on(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    job = Job(stage="train", inputs={}, function=speak, arguments={"right": False})
    perform(store, job, capture=True)
    with store.open(*job.id) as slot:
        assert [path.name for path in slot.folder.iterdir()] == [LOG]
    perform(store, job, capture=True)
    with store.open(*job.id, resumable=True) as slot:
        assert sorted(path.name for path in slot.folder.iterdir()) == ["half.txt", LOG]


def test_nothing_is_kept_unless_asked(tmp_path: Path) -> None:
    job = Job(stage="train", inputs={}, function=write)
    perform(ArtifactStore(tmp_path), job)
    assert ArtifactStore(tmp_path).log(*job.id) is None
