from __future__ import annotations

import asyncio
import errno
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.device.agent.conftest import MODEL

from mqn.device import wire
from mqn.device.agent.queue import results
from mqn.device.agent.queue.database import REMEMBERED, QueueDatabase
from mqn.device.agent.queue.jobs import Jobs
from mqn.device.agent.queue.leases import Leases
from mqn.device.agent.queue.refusals import (
    DrainingError,
    FullDiskError,
    FullQueueError,
    KeyReusedError,
    MissingModelError,
    NotHeldError,
)
from mqn.errors import DeviceAwayError, DeviceRefusedError
from mqn.parsing import from_mapping
from mqn.records import MeasureSettings


def submit(jobs: Jobs, request: wire.JobRequest, lease: str, **options: object) -> str:
    return json.loads(jobs.submit(request, lease, **options).text)["id"]


def read(jobs: Jobs, job_id: str) -> wire.JobStatus:
    return from_mapping(wire.JobStatus, json.loads(jobs.status(job_id).text), source="job")


def wait(jobs: Jobs, job_id: str, *, until: Callable[[wire.JobStatus], bool] = lambda job: job.ended) -> wire.JobStatus:
    async def follow() -> None:
        while not until(read(jobs, job_id)):
            found = jobs.find(job_id)
            if found is None:  # it ended just now
                return
            with found[1].listen() as told:
                if not until(read(jobs, job_id)):
                    await asyncio.wait_for(told.wait(), 10)

    asyncio.run(follow())
    return read(jobs, job_id)


@pytest.fixture
def restart(database: QueueDatabase, store, bench, backend, tmp_path: Path) -> Iterator[Callable[..., Jobs]]:
    """Puts another agent on the same folder, as a new process would."""
    made: list[tuple[Jobs, Leases]] = []

    def build() -> Jobs:
        leases = Leases(database)
        made.append((Jobs(database, leases, store, tmp_path / "jobs", bench, backend.describe, capacity=2), leases))
        return made[-1][0]

    yield build
    for queue, leases in made:
        queue.close()
        leases.close()


def die(jobs: Jobs, database: QueueDatabase, job_id: str) -> None:
    """What a `kill -9` leaves behind: a job that runs, in a folder with its models."""
    row = database.job(job_id)
    jobs.close()
    database.set_job(job_id, "running", row.attempts)


def test_a_job_is_carried_out_in_a_folder_that_goes(jobs: Jobs, bench, request_, held, tmp_path: Path) -> None:
    job_id = submit(jobs, request_, held)
    assert wait(jobs, job_id) == wire.JobStatus(id=job_id, state="done", measurement=bench.answer)
    assert bench.contents == [[MODEL]]
    assert bench.jobs[0].request == request_
    jobs.close()
    assert list((tmp_path / "jobs").iterdir()) == []


def test_two_models_are_compared_from_files_of_their_own(jobs: Jobs, bench, model, held) -> None:
    pair, one = wire.name_parts([model, model]), wire.name_parts([model])
    wait(jobs, submit(jobs, wire.JobRequest(kind="compare", files=pair, against=one), held))
    (job,) = bench.jobs
    assert [file.part for file in job.files] == ["backbone", "head"]
    assert [file.part for file in job.against] == ["model"]
    assert len({file.path for file in (*job.files, *job.against)}) == 3


def test_one_runs_two_wait_and_the_next_is_refused(jobs: Jobs, bench, request_, held) -> None:
    bench.held = True
    first = submit(jobs, request_, held)
    assert bench.entered.wait(5)
    waiting = [submit(jobs, request_, held) for _ in range(2)]
    assert jobs.count() == {"running": 1, "queued": 2}
    with pytest.raises(FullQueueError):
        submit(jobs, request_, held)
    bench.let_go.set()
    assert [wait(jobs, job_id).state for job_id in (first, *waiting)] == ["done"] * 3
    assert [job.id for job in bench.jobs] == [first, *waiting]


def test_a_job_needs_a_held_lease(jobs: Jobs, leases: Leases, request_, held) -> None:
    leases.end(held)
    with pytest.raises(NotHeldError):
        submit(jobs, request_, held)
    with pytest.raises(NotHeldError):
        submit(jobs, request_, None)


def test_jobs_end_with_their_lease(jobs: Jobs, leases: Leases, bench, request_, held) -> None:
    bench.held = True
    running = submit(jobs, request_, held)
    assert bench.entered.wait(5)
    queued = submit(jobs, request_, held)
    leases.end(held)
    for job_id in (running, queued):
        status = read(jobs, job_id)
        assert (status.state, status.error) == ("cancelled", "its lease ended: given back")
    assert bench.jobs[0].switch.pulled.is_set()


def test_a_missing_model_is_named_and_leaves_nothing(jobs: Jobs, model, held, tmp_path: Path) -> None:
    other = "0" * 64
    with pytest.raises(MissingModelError, match=other):
        submit(jobs, wire.JobRequest(files=wire.name_parts([model, other])), held)
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_key_gives_the_same_job_again(jobs: Jobs, bench, request_, held) -> None:
    first = submit(jobs, request_, held, key="key")
    assert submit(jobs, request_, held, key="key") == first
    wait(jobs, first)
    assert json.loads(jobs.submit(request_, held, key="key").text)["state"] == "done"
    assert len(bench.jobs) == 1
    assert submit(jobs, request_, held, key="other") != first
    with pytest.raises(NotHeldError):
        submit(jobs, request_, held, key="key", client="somebody else")


def test_a_key_belongs_to_one_request(jobs: Jobs, request_, held) -> None:
    submit(jobs, request_, held, key="key")
    with pytest.raises(KeyReusedError):
        submit(jobs, wire.JobRequest(files=request_.files, settings=MeasureSettings(runs=1)), held, key="key")


def test_cancelling_ends_what_runs_and_what_waits(jobs: Jobs, bench, request_, held) -> None:
    bench.held = True
    running = submit(jobs, request_, held)
    assert bench.entered.wait(5)
    queued = submit(jobs, request_, held)
    for job_id in (queued, running):
        assert json.loads(jobs.cancel(job_id).text)["state"] == "cancelled"
    bench.held = False
    last = submit(jobs, request_, held)
    assert wait(jobs, last).state == "done"
    assert read(jobs, running) == wire.JobStatus(id=running, state="cancelled")
    assert [job.id for job in bench.jobs] == [running, last]
    assert json.loads(jobs.cancel(last).text)["state"] == "done"


def test_unknown_jobs(jobs: Jobs) -> None:
    assert jobs.status("x") is jobs.cancel("x") is jobs.find("x") is None


@pytest.mark.slow
def test_old_results_are_forgotten_with_their_keys(jobs: Jobs, request_, held) -> None:
    first = submit(jobs, request_, held, key="key")
    wait(jobs, first)
    for _ in range(REMEMBERED):
        last = submit(jobs, request_, held)
        wait(jobs, last)
    assert jobs.status(first) is None
    assert read(jobs, last).state == "done"
    assert submit(jobs, request_, held, key="key") != first


@pytest.mark.parametrize(
    ("failure", "refused"), [(DeviceAwayError("unplugged"), False), (DeviceRefusedError("no gpu"), True)]
)
def test_a_device_that_fails_makes_no_measurement(jobs: Jobs, bench, request_, held, failure, refused: bool) -> None:
    bench.failure = failure
    status = wait(jobs, job_id := submit(jobs, request_, held))
    assert status == wire.JobStatus(id=job_id, state="cancelled", error=str(failure), refused=refused)
    bench.failure = None
    assert wait(jobs, submit(jobs, request_, held)).state == "done"


def test_a_machine_that_can_take_no_more_is_no_crash(jobs: Jobs, database, bench, request_, held) -> None:
    bench.failure = OSError(errno.EMFILE, "Too many open files")
    status = wait(jobs, submit(jobs, request_, held))
    assert (status.state, status.refused) == ("cancelled", False)
    assert status.error == "the agent's machine can take no more: Too many open files: too many files are open"
    bench.failure = None
    assert wait(jobs, submit(jobs, request_, held)).state == "done"


@pytest.mark.parametrize("verdict", ["crashed", "rejected", "timeout"])
def test_a_crash_on_a_full_disk_is_not_the_models(
    jobs: Jobs, bench, make_measurement, request_, held, monkeypatch: pytest.MonkeyPatch, verdict: str
) -> None:
    bench.answer = make_measurement(verdict=verdict, latency_ms=None)
    rooms = iter([None, FullDiskError("the agent's disk is full")])

    def check_room(*_: object) -> None:
        if (failure := next(rooms)) is not None:
            raise failure

    monkeypatch.setattr(results, "check_room", check_room)
    status = wait(jobs, submit(jobs, request_, held))
    assert (status.state, status.measurement) == ("cancelled", None)
    assert "disk is full" in status.error


def test_a_full_disk_takes_no_jobs(jobs: Jobs, request_, held, monkeypatch, tmp_path: Path) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(FullDiskError, match="no room for a job"):
        submit(jobs, request_, held)
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_result_that_finds_no_room_is_kept_until_it_does(
    jobs: Jobs, database: QueueDatabase, bench, request_, held
) -> None:
    write, full = database.end_job, True

    def end_job(*values: Any) -> None:
        if full:
            raise FullDiskError("the agent's disk is full")
        write(*values)

    database.end_job = end_job  # type: ignore[method-assign]
    first = submit(jobs, request_, held)
    assert wait(jobs, first).measurement == bench.answer
    assert database.answer(first) is None
    full = False
    wait(jobs, submit(jobs, request_, held))
    assert json.loads(database.answer(first))["state"] == "done"


def test_what_waits_outlives_the_agent(jobs: Jobs, leases, bench, request_, held, restart, tmp_path: Path) -> None:
    bench.held = True
    running = submit(jobs, request_, held)
    assert bench.entered.wait(5)
    queued = submit(jobs, request_, held, key="k")
    jobs.close()
    shutil.rmtree(tmp_path / "models")  # the store's quota does not reach what waits
    bench.held = False
    again = restart()
    assert [wait(again, job_id).state for job_id in (running, queued)] == ["done", "done"]
    assert bench.contents == [[MODEL]] * 3
    assert submit(again, request_, held, key="k") == queued


def test_a_job_that_took_the_agent_along_runs_once_more(jobs, database, bench, request_, held, restart) -> None:
    bench.held = True
    job_id = submit(jobs, request_, held)
    assert bench.entered.wait(5)
    die(jobs, database, job_id)
    bench.held = False
    assert wait(restart(), job_id).state == "done"


def test_a_job_that_took_two_agents_along_is_a_crash(jobs, database, bench, request_, held, restart) -> None:
    bench.held = True
    job_id = submit(jobs, request_, held)
    assert bench.entered.wait(5)
    die(jobs, database, job_id)
    bench.entered.clear()
    second = restart()
    assert bench.entered.wait(5)
    die(second, database, job_id)
    status = wait(restart(), job_id)
    assert status.measurement.verdict == "crashed"
    assert status.measurement.reasons == ("the agent died 2 times while this job ran",)
    assert status.measurement.latency_ms is None
    assert len(bench.jobs) == 2


@pytest.mark.parametrize("kind", ["compare", "profile"])
def test_other_kinds_crash_in_their_own_way(model, info, kind: wire.JobKind) -> None:
    files = wire.name_parts([model])
    request = wire.JobRequest(kind=kind, files=files, against=files if kind == "compare" else ())
    status = results.wrap("1", results.failed(request, "crashed", "twice", info))
    result = status.comparison or status.profile
    assert (result.verdict, result.reasons) == ("crashed", ("twice",))


def test_a_job_whose_lease_is_gone_is_not_taken_up(
    jobs, database: QueueDatabase, bench, request_, held, restart
) -> None:
    bench.held = True
    job_id = submit(jobs, request_, held)
    assert bench.entered.wait(5)
    die(jobs, database, job_id)
    database.set_lease(held, "ended", 1)
    assert read(restart(), job_id) == wire.JobStatus(id=job_id, state="cancelled", error="its lease ended")


def test_results_outlive_the_agent_and_lost_models_are_told(
    jobs, database, bench, request_, held, restart, tmp_path: Path
) -> None:
    done = submit(jobs, request_, held)
    wait(jobs, done)
    bench.held = True
    bench.entered.clear()
    lost = submit(jobs, request_, held)
    assert bench.entered.wait(5)
    die(jobs, database, lost)
    shutil.rmtree(tmp_path / "jobs")
    shutil.rmtree(tmp_path / "models")
    again = restart()
    assert read(again, done).measurement == bench.answer
    assert "lost its model" in read(again, lost).error


def test_draining_lets_the_running_job_end_and_keeps_the_rest(jobs: Jobs, bench, request_, held, restart) -> None:
    bench.held = True
    running = submit(jobs, request_, held)
    assert bench.entered.wait(5)
    queued = submit(jobs, request_, held)
    assert not jobs.drain(0.01)
    with pytest.raises(DrainingError):
        submit(jobs, request_, held)
    bench.let_go.set()
    assert jobs.drain(10)
    assert [read(jobs, job_id).state for job_id in (running, queued)] == ["done", "queued"]
    jobs.close()
    assert wait(restart(), queued).state == "done"


def test_closing_stops_what_runs_without_counting_it_as_a_try(jobs: Jobs, database, bench, request_, held) -> None:
    bench.held = True
    job_id = submit(jobs, request_, held)
    assert bench.entered.wait(5)
    jobs.close()
    assert (database.job(job_id).state, database.job(job_id).attempts) == ("queued", 0)


def test_a_bench_that_breaks_down_is_told(
    database: QueueDatabase, leases: Leases, store, backend, request_, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_: object) -> None:
        raise AssertionError("a mistake of ours")

    raised: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda unhandled: raised.append(unhandled.exc_type))
    broken = threading.Event()
    jobs = Jobs(database, leases, store, tmp_path / "jobs", break_down, backend.describe, on_breakdown=broken.set)
    job_id = submit(jobs, request_, leases.request(wire.LeaseRequest(holder="a")).id)
    assert broken.wait(5)
    jobs.close()
    assert raised == [AssertionError]
    assert (database.job(job_id).state, database.job(job_id).attempts) == ("queued", 1)
