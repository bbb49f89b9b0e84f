from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mqn.device import wire
from mqn.device.agent.jobs import REMEMBERED, Jobs, KeyReusedError, MissingModelError, QueueFullError
from mqn.device.agent.store import Store
from mqn.records import MeasureSettings

MODEL = b"a model"


def wait(jobs: Jobs, job_id: str) -> wire.JobStatus:
    while not (status := asyncio.run(jobs.wait(job_id, 5))).ended:
        pass
    return status


@pytest.fixture
def request_(store: Store) -> wire.JobRequest:
    async def stream() -> AsyncIterator[bytes]:
        yield MODEL

    name = hashlib.sha256(MODEL).hexdigest()
    asyncio.run(store.receive(name, stream(), 100))
    return wire.JobRequest(files=wire.name_parts([name]))


def test_a_job_is_carried_out_in_a_folder_that_goes(jobs: Jobs, bench, request_, tmp_path: Path) -> None:
    status = jobs.submit(request_)
    assert wait(jobs, status.id) == wire.JobStatus(id=status.id, state="done", measurement=bench.answer)
    assert bench.contents == [[MODEL]]
    assert bench.calls[0][1] == request_.settings
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_pair_comes_in_order(jobs: Jobs, bench, request_) -> None:
    name = request_.files[0].sha256
    wait(jobs, jobs.submit(wire.JobRequest(files=wire.name_parts([name, name]))).id)
    assert [file.part for file in bench.calls[0][0]] == ["backbone", "head"]


def test_one_runs_two_wait_and_the_next_is_refused(jobs: Jobs, bench, request_) -> None:
    bench.held = True
    first = jobs.submit(request_)
    assert bench.entered.wait(5)
    waiting = [jobs.submit(request_) for _ in range(2)]
    assert jobs.status(first.id).state == "running"
    assert [jobs.status(job.id).state for job in waiting] == ["queued", "queued"]
    with pytest.raises(QueueFullError):
        jobs.submit(request_)
    bench.let_go.set()
    assert [wait(jobs, job.id).state for job in (first, *waiting)] == ["done"] * 3


def test_a_missing_model_is_named_and_leaves_nothing(jobs: Jobs, request_, tmp_path: Path) -> None:
    other = "0" * 64
    with pytest.raises(MissingModelError, match=other):
        jobs.submit(wire.JobRequest(files=wire.name_parts([request_.files[0].sha256, other])))
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_key_gives_the_same_job_again(jobs: Jobs, bench, request_) -> None:
    first, again = jobs.submit(request_, "key"), jobs.submit(request_, "key")
    assert first.id == again.id
    wait(jobs, first.id)
    assert jobs.submit(request_, "key").measurement == bench.answer
    assert len(bench.calls) == 1
    assert jobs.submit(request_, "other").id != first.id


def test_a_key_belongs_to_one_request(jobs: Jobs, request_) -> None:
    jobs.submit(request_, "key")
    with pytest.raises(KeyReusedError):
        jobs.submit(wire.JobRequest(files=request_.files, settings=MeasureSettings(runs=1)), "key")


def test_waiting_ends_when_the_state_changes_or_time_is_over(jobs: Jobs, bench, request_) -> None:
    bench.held = True
    status = jobs.submit(request_)
    assert bench.entered.wait(5)
    assert asyncio.run(jobs.wait(status.id, 0.01)).state == "running"
    threading.Timer(0.05, bench.let_go.set).start()
    assert asyncio.run(jobs.wait(status.id, 30)).state == "done"


def test_cancelling_ends_what_runs_and_what_waits(jobs: Jobs, bench, request_, tmp_path: Path) -> None:
    bench.held = True
    running = jobs.submit(request_)
    assert bench.entered.wait(5)
    queued = jobs.submit(request_)
    assert jobs.cancel(queued.id).state == jobs.cancel(running.id).state == "cancelled"
    bench.held = False
    last = jobs.submit(request_)
    assert wait(jobs, last.id).state == "done"
    assert jobs.status(running.id) == wire.JobStatus(id=running.id, state="cancelled")
    assert len(bench.calls) == 2
    assert jobs.cancel(last.id).state == "done"


def test_unknown_jobs(jobs: Jobs) -> None:
    assert jobs.status("x") is jobs.cancel("x") is asyncio.run(jobs.wait("x", 1)) is None


def test_old_results_are_forgotten_with_their_keys(jobs: Jobs, request_) -> None:
    first = jobs.submit(request_, "key")
    wait(jobs, first.id)
    for _ in range(REMEMBERED + 1):
        last = jobs.submit(request_)
        wait(jobs, last.id)
    assert jobs.status(first.id) is None
    assert jobs.status(last.id).state == "done"
    assert jobs.submit(request_, "key").id != first.id


def test_closing_cancels_and_takes_nothing_more(store: Store, bench, request_, tmp_path: Path) -> None:
    broken = threading.Event()
    jobs = Jobs(store, tmp_path / "jobs", bench, on_breakdown=broken.set)
    bench.held = True
    status = jobs.submit(request_)
    assert bench.entered.wait(5)
    jobs.close()
    assert jobs.status(status.id).state == "cancelled"
    assert not broken.is_set()
    with pytest.raises(QueueFullError):
        jobs.submit(request_)


def test_a_bench_that_breaks_down_is_told(
    store: Store, request_, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise OSError("no space left")

    raised: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda unhandled: raised.append(unhandled.exc_type))
    broken = threading.Event()
    jobs = Jobs(store, tmp_path / "jobs", break_down, on_breakdown=broken.set)
    status = jobs.submit(request_)
    assert broken.wait(5)
    jobs.close()
    assert raised == [OSError]
    assert jobs.status(status.id).state == "cancelled"
