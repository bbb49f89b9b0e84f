from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from mqn.profile_tables.simulate import FailureRates, Outages, Times
from mqn.records import Candidate
from mqn.search.artifacts import ArtifactStore
from mqn.search.simulation.clock import VirtualClock
from mqn.search.simulation.engine import SimulatedEngine
from mqn.search.stages.train import train
from mqn.search.work.engine import Capacity
from mqn.search.work.jobs import Job

MakeEngine, MakeJob = Callable[..., SimulatedEngine], Callable[..., Job]


def test_time_leaps_to_the_end_of_a_job(
    make_engine: MakeEngine, make_job: MakeJob, clock: VirtualClock, tmp_path: Path
):
    engine, job = make_engine(), make_job()
    handle = engine.submit(ArtifactStore(tmp_path / "artifacts"), job)
    assert clock() == 0
    assert engine.wait([handle], 0.5) == [handle]
    assert clock() == 10
    outcome = engine.collect(handle)
    assert (outcome.error, outcome.seconds) == (None, pytest.approx(10))
    assert outcome.span is not None
    assert (outcome.span.node, outcome.span.device) == ("node-0001", "simulated-000")
    made = ArtifactStore(tmp_path / "artifacts").get(*job.id)
    assert made.manifest.details["simulated"] is True
    assert made.manifest.details["figures"]["latency_ms"] > 0


def test_jobs_wait_for_a_processor(make_engine: MakeEngine, make_job: MakeJob, clock: VirtualClock, tmp_path: Path):
    engine = make_engine()
    handles = [engine.submit(ArtifactStore(tmp_path / "artifacts"), make_job(number)) for number in range(3)]
    assert engine.wait(handles, 0.5) == handles[:2]
    for handle in handles[:2]:
        engine.collect(handle)
    assert engine.wait(handles[2:], 0.5) == handles[2:]
    assert clock() == 20


def test_a_wait_ends_when_the_driver_should_look_again(
    make_engine: MakeEngine, make_job: MakeJob, clock, tmp_path: Path
):
    engine = make_engine(look_seconds=4.0)
    handle = engine.submit(ArtifactStore(tmp_path / "artifacts"), make_job())
    assert engine.wait([handle], 0.5) == []
    assert clock() == 4


def test_the_first_job_of_a_worker_starts_it(make_engine: MakeEngine, make_job: MakeJob, clock, tmp_path: Path):
    engine = make_engine(worker_start=Times(median=5.0))
    for number, ends in ((0, 15), (1, 25)):
        handle = engine.submit(ArtifactStore(tmp_path / "artifacts"), make_job(number))
        assert engine.wait([handle], 0.5) == [handle]
        engine.collect(handle)
        assert clock() == ends


def test_a_machine_that_goes_takes_its_jobs_with_it(make_engine: MakeEngine, make_job: MakeJob, tmp_path: Path):
    outages = Outages(every_hours=0.001, seconds=30.0)
    engine = make_engine(seconds={"measure": Times(median=1e6)}, failures=FailureRates(nodes=outages))
    handle = engine.submit(ArtifactStore(tmp_path / "artifacts"), make_job())
    assert engine.wait([handle], 0.5) == [handle]
    outcome = engine.collect(handle)
    assert outcome.error is not None
    assert outcome.error[0] == "NodeLostError"
    assert "node-0001" in outcome.error[1]
    assert engine.capacity == Capacity(amounts={"CPU": 0.0, "GPU": 0.0, "memory": math.inf}, nodes=0)
    again = engine.submit(ArtifactStore(tmp_path / "artifacts"), make_job(1))
    assert engine.wait([again], 0.5) == [again]  # On the machine that took its place, which went too.
    outcome = engine.collect(again)
    assert outcome.error is not None
    assert "node-0002" in outcome.error[1]
    assert not ArtifactStore(tmp_path / "artifacts").keys()


def test_a_training_goes_on_from_its_last_whole_epoch(make_engine: MakeEngine, clock: VirtualClock, tmp_path: Path):
    engine = make_engine(seconds={"train": Times(median=100.0)}, failures=FailureRates(worker=0.7))
    candidate = Candidate().with_values({"training.epochs": 10})
    job = Job(
        stage="train",
        inputs={"candidate": 1},
        function=train,
        arguments={"arch": candidate.arch, "training": candidate.training, "data": tmp_path},
        resumable=True,
    )
    worked = 0.0
    for _ in range(40):
        handle = engine.submit(ArtifactStore(tmp_path / "artifacts"), job)
        before = clock()
        assert engine.wait([handle], 0.5) == [handle]
        if engine.collect(handle).error is None:
            break
        worked += (clock() - before) // 10 * 10
    assert 0 < worked < 100
    assert clock() - before == pytest.approx(100 - worked)


def test_a_cluster_that_starts_anew_forgets_what_ran(make_engine: MakeEngine, make_job: MakeJob, clock, tmp_path: Path):
    engine = make_engine()
    for number in range(5):
        engine.submit(ArtifactStore(tmp_path / "artifacts"), make_job(number))
    engine.restart()
    handle = engine.submit(ArtifactStore(tmp_path / "artifacts"), make_job(9))
    assert engine.wait([handle], 0.5) == [handle]
    assert clock() == 10
