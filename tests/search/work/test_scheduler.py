"""How the scheduler chooses, and that a step's work grows with what changes, not with what waits or runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.pool_fakes import FakeClock

from mqn.errors import ClusterError, DeviceAwayError, ProcessLostError
from mqn.search.artifacts import ArtifactStore
from mqn.search.work.engine import Capacity
from mqn.search.work.jobs import Job, Outcome, Resources
from mqn.search.work.load import Load
from mqn.search.work.scheduler import Scheduler


class Engine:
    """Begins jobs, and ends those that it is told to."""

    def __init__(self, cpus: float = 4.0, **amounts: float) -> None:
        self.capacity = Capacity(amounts={"CPU": cpus, **amounts}, own_cpus=cpus)
        self.began: list[str] = []
        self.ends: dict[str, Outcome] = {}
        self.refuses: list[Exception] = []

    def submit(self, store: ArtifactStore, job: Job) -> Hashable:
        if self.refuses:
            raise self.refuses.pop()
        self.began.append(job.key)
        return job.key

    def wait(self, handles: Sequence[Hashable], timeout: float) -> list[Hashable]:
        return [handle for handle in handles if handle in self.ends]

    def collect(self, handle: Hashable) -> Outcome:
        return self.ends.pop(str(handle))

    def restart(self) -> None: ...

    def close(self) -> None: ...


class Store(ArtifactStore):
    """Has nothing, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))

    def find(self, stage: str, key: str) -> Any:
        return None


def job(key: str, **options: Any) -> Job:
    return Job(stage="train", key=key, inputs={}, function=dict, **options)


def make(engine: Engine, **options: Any) -> Scheduler:
    clock = FakeClock()
    return Scheduler(Store(), engine, clock=clock, sleep=clock.sleep, **options)


class NoDevice:
    """No device is free; counts how often one was asked for."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def place(self, job: Job) -> Job | None:
        self.asked[str(job.target)] += 1
        return None

    def absent(self, job: Job) -> str:
        return ""

    def begin(self, job: Job) -> None: ...

    def end(self, job: Job, outcome: Outcome) -> None: ...


def test_a_step_looks_at_one_waiting_job_a_group():
    places = NoDevice()
    scheduler = make(Engine(), places=places)
    for i in range(300):
        scheduler.request(job(str(i), target=("phone", "board")[i % 2]), i)
    scheduler.step(0.0)
    assert places.asked == {"phone": 1, "board": 1}


def test_whether_a_job_fits_is_asked_once_where_none_of_its_equals_does(monkeypatch):
    asked: list[str] = []
    real = Load.fits
    monkeypatch.setattr(
        Load, "fits", lambda self, work, job, capacity: asked.append(job.key) or real(self, work, job, capacity)
    )
    engine = Engine(cpus=2)
    scheduler = make(engine)
    for i in range(100):
        scheduler.request(job(str(i)), i)
    scheduler.step(0.0)
    assert engine.began == ["0", "1"]
    assert asked == ["0", "1", "2"]


def test_what_ends_a_trial_soonest_begins_first_and_equals_in_their_order():
    engine = Engine(cpus=1)
    scheduler = make(engine)
    for key, behind in (("a", 3), ("b", 1), ("c", 3), ("d", 1)):
        scheduler.request(job(key), 0, behind)
    for _ in range(4):
        scheduler.step(0.0)
        engine.ends[engine.began[-1]] = Outcome.failed(ProcessLostError("lost"))
        scheduler._retries.settle = lambda work, outcome: outcome  # type: ignore[method-assign]
        scheduler.step(0.0)
    assert engine.began[:4] == ["b", "d", "a", "c"]


def test_a_trainer_does_not_wait_for_the_steps_of_what_is_trained():
    training = Resources(cpus=1, pool="training")

    def begun(cpus: float, **more: Any) -> list[str]:
        engine = Engine(cpus=cpus)
        scheduler = make(engine)
        for number in range(2):
            scheduler.request(job(f"train{number}", resources=training), number, behind=4)
            scheduler.request(job(f"score{number}", resources=Resources(cpus=1, **more)), number)
        scheduler.step(0.0)
        return engine.began

    assert begun(cpus=2) == ["train0", "score0"]
    # One trainer is fed, and the rest of a larger machine ends trials.
    assert begun(cpus=3) == ["train0", "score0", "score1"]
    # With one processor trials would never end; and what waits to be alone would wait for ever.
    assert begun(cpus=1) == ["score0"]
    assert begun(cpus=2, exclusive=True) == ["score0"]


def test_a_small_job_begins_beside_one_that_does_not_fit():
    engine = Engine(cpus=4)
    scheduler = make(engine)
    scheduler.request(job("three", resources=Resources(cpus=3)), 0)
    scheduler.request(job("two", resources=Resources(cpus=2)), 1)
    scheduler.request(job("one", resources=Resources(cpus=1)), 2)
    scheduler.step(0.0)
    assert engine.began == ["three", "one"]


def test_nothing_begins_before_a_job_that_waits_to_be_alone():
    engine = Engine(cpus=4)
    scheduler = make(engine)
    scheduler.request(job("first", resources=Resources(cpus=1)), 0)
    scheduler.step(0.0)
    scheduler.request(job("alone", resources=Resources(cpus=1, exclusive=True)), 1)
    scheduler.request(job("later", resources=Resources(cpus=1)), 2)
    scheduler.request(job("light", resources=Resources(cpus=0)), 3)
    scheduler.step(0.0)
    assert engine.began == ["first", "light"]


def test_an_exclusive_job_shares_a_cluster_and_takes_the_drivers_processors():
    engine = Engine(cpus=4)
    engine.capacity = replace(engine.capacity, own_cpus=2.0, nodes=2)
    scheduler = make(engine)
    for key, cpus, exclusive in (("a", 2, False), ("own", 1, True), ("b", 1, False)):
        scheduler.request(job(key, resources=Resources(cpus=cpus, exclusive=exclusive)), 0)
    scheduler.step(0.0)
    assert engine.began == ["a", "own"]


def test_gpus_and_memory_bound_what_runs():
    engine = Engine(cpus=64, GPU=1.0, memory=10.0)
    scheduler = make(engine)
    for i in range(3):
        scheduler.request(job(f"gpu{i}", resources=Resources(gpus=0.5)), i)
        scheduler.request(job(f"large{i}", resources=Resources(memory_bytes=6.0)), i)
    scheduler.step(0.0)
    assert sorted(engine.began) == ["gpu0", "gpu1", "large0"]


def test_tenths_of_a_processor_add_up_to_whole_ones():
    engine = Engine(cpus=1)
    scheduler = make(engine)
    for i in range(12):
        scheduler.request(job(str(i), resources=Resources(cpus=0.1)), i)
    scheduler.step(0.0)
    assert len(engine.began) == 10


def test_a_job_that_ray_did_not_take_is_put_back():
    engine = Engine()
    engine.refuses = [ClusterError("Ray failed: gone")]
    scheduler = make(engine)
    scheduler.request(job("a"), 0)
    scheduler.step(0.0)
    assert engine.began == []
    scheduler.step(0.0)
    assert engine.began == ["a"]


def test_a_trial_is_told_once_that_a_job_of_its_ended():
    engine = Engine()
    scheduler = make(engine)
    for trial in (7, 8):
        scheduler.request(job("shared"), trial)
    scheduler.request(job("other"), 9)
    scheduler.step(0.0)
    assert scheduler.take_changed() == set()
    engine.ends["shared"] = Outcome.failed(ProcessLostError("lost"))
    scheduler._retries.settle = lambda work, outcome: outcome  # type: ignore[method-assign]
    scheduler.step(0.0)
    assert scheduler.take_changed() == {7, 8}
    assert scheduler.take_changed() == set()


def test_patience_is_a_targets_and_ends_with_its_device():
    class Away(NoDevice):
        def absent(self, job: Job) -> str:
            return "no agent answers"

    scheduler = make(Engine(), places=Away(), patience_seconds=60.0)
    scheduler.request(job("a", target="board"), 0)
    scheduler.step(50.0)
    scheduler.step(100.0)
    with pytest.raises(DeviceAwayError, match="no device for 'board' for 2 minutes: no agent answers"):
        scheduler.step(100.0)
