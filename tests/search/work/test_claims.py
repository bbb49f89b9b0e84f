"""Two drivers that share jobs, by a clock held in the hand: what one does, the other waits for."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process_engine import InProcessEngine
from tests.support.pool_fakes import FakeClock
from tests.support.search_fakes import FakePipeline

from mqn.errors import ExportError
from mqn.records import Candidate
from mqn.search.artifacts import ArtifactStore
from mqn.search.work.contracts import Key
from mqn.search.work.jobs import Job
from mqn.search.work.scheduler import Scheduler


class Shared:
    """What the database does for claims."""

    def __init__(self) -> None:
        self.owners: dict[Key, str] = {}

    def of(self, driver: str) -> Any:
        shared = self

        class Mine:
            def take(self, jobs: Collection[Key]) -> Collection[Key]:
                return [job for job in jobs if shared.owners.setdefault(job, driver) == driver]

            def release(self, job: Key) -> None:
                if shared.owners.get(job) == driver:
                    del shared.owners[job]

        return Mine()


@pytest.fixture
def shared() -> Shared:
    return Shared()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def drivers(tmp_path: Path, shared: Shared, clock: FakeClock) -> tuple[Scheduler, Scheduler]:
    store = ArtifactStore(tmp_path / "artifacts")

    def make(name: str) -> Scheduler:
        return Scheduler(store, InProcessEngine(), claims=shared.of(name), clock=clock, sleep=clock.sleep)

    return make("a"), make("b")


def training(tmp_path: Path, **sick: float) -> Job:
    (first, *_) = FakePipeline(tmp_path / "log", sick=sick).steps(Candidate())
    return first.make({})


def test_a_job_that_another_driver_does_is_waited_for_and_not_done_again(drivers, shared, clock, tmp_path):
    first, second = drivers
    job = training(tmp_path)
    shared.owners[job.id] = "a"
    waits = second.request(job, 5)
    second.step(1.0)
    assert waits.outcome is None
    assert second.why(waits) == "another driver, which does it"
    done = first.request(job, 0)
    first.step(1.0)
    assert done.artifact is not None
    assert shared.owners == {}
    for _ in range(3):
        second.step(1.0)
    assert waits.outcome is not None
    assert waits.outcome.reused
    assert second.take_changed() == {5}
    assert (tmp_path / "log").read_text().count("begin") == 1


def test_a_job_that_another_driver_gave_up_is_done_here(drivers, shared, clock, tmp_path):
    _, second = drivers
    job = training(tmp_path)
    shared.owners[job.id] = "a"
    work = second.request(job, 5)
    second.step(1.0)
    del shared.owners[job.id]  # It died, or the job failed.
    for _ in range(4):
        second.step(1.0)
    assert work.artifact is not None
    assert shared.owners == {}


def test_the_store_is_asked_from_time_to_time_only(drivers, shared, clock, tmp_path, monkeypatch):
    _, second = drivers
    job = training(tmp_path)
    shared.owners[job.id] = "a"
    second.request(job, 5)
    asked: list[float] = []
    monkeypatch.setattr(second.store, "find", lambda *_: asked.append(clock()))
    for _ in range(40):
        second.step(0.1)
    assert 1 <= len(asked) <= 3


def test_a_job_that_failed_is_claimed_no_longer(drivers, shared, monkeypatch, tmp_path):
    first, _ = drivers

    def fail(_seconds: Any, _stage: str) -> None:
        raise ExportError("no such operator")

    monkeypatch.setattr("tests.support.trivial_work.pause", fail)
    work = first.request(training(tmp_path), 0)
    first.step(1.0)
    assert work.outcome is not None
    assert work.outcome.error is not None
    assert shared.owners == {}
