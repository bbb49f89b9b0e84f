"""What is tried again, by a clock held in the hand: real loop and scheduler, stages that fail as they are told."""

from __future__ import annotations

import errno
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process_engine import InProcessEngine
from tests.support.pool_fakes import FakeClock
from tests.support.search_fakes import FakePipeline

from mqn.errors import (
    ClusterError,
    DiskError,
    MeasurementError,
    NetworkError,
    NodeLostError,
    NotBegunError,
    ProcessCrashedError,
    ProcessLostError,
    TrackingError,
    UnsteadyError,
)
from mqn.profile_tables.retry import RetryProfile
from mqn.search.study.studies import open_study
from mqn.search.study.trials import records
from mqn.search.work.retries import LOST_NODES

pytestmark = pytest.mark.integration  # Whole studies run in a database.


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a stage fail: called with the stage, and what it raises by the number of the try, over all jobs."""

    def make(stage: str, raises: Any) -> Counter[str]:
        tries: Counter[str] = Counter()

        def fail(_seconds: Any, now: str) -> None:
            tries[now] += 1
            error = raises(tries[now]) if now == stage else None
            if error is not None:
                raise error

        monkeypatch.setattr("tests.support.trivial_work.pause", fail)
        return tries

    return make


@pytest.fixture
def run(make_loop: Any, tmp_path: Path, clock: FakeClock, told: list[str]) -> Any:
    def begin(study: Any, *, retry: RetryProfile | None = None, **options: Any) -> None:
        given = {"clock": clock, "sleep": clock.sleep, "tell": told.append, "retry": retry or RetryProfile()}
        make_loop(study, FakePipeline(tmp_path / "log"), **given, **options).run()

    return begin


def states(study: Any) -> Counter[str]:
    """Of all trials, as their notes say: a held one still runs for Optuna."""
    noted = [study.noted(trial) for trial in study.trials()]
    return Counter(record.state for record in noted if record is not None)


def unsteady(**kept: Any) -> UnsteadyError:
    error = UnsteadyError("measured as 'unsteady'")
    error.kept = kept
    return error


@pytest.mark.parametrize(
    ("kind", "stage"), [(ProcessLostError, "train"), (DiskError, "quantize"), (NetworkError, "measure")]
)
def test_a_fault_is_nobodys(kind, stage, small, make_study, run, trouble, told, clock):
    study = make_study(small)
    tries = trouble(stage, lambda number: kind("the disk is full") if number <= 3 else None)
    run(study, parallel=1)
    assert states(study) == {"complete": 4}
    assert tries[stage] == {"train": 2, "quantize": 4, "measure": 4}[stage] + 3
    assert told[:2] == [
        f"trial 0: {stage} is put back: the disk is full; try 2 of 6 in 2 s",
        f"trial 0: {stage} is put back: the disk is full; try 3 of 6 in 4 s",
    ]
    assert clock() >= 2 + 4 + 8


def test_a_machine_that_leaves_the_cluster_is_no_try_of_the_job(small, make_study, run, trouble, told, clock):
    study = make_study(small)
    tries = trouble("train", lambda number: NodeLostError("it left") if number <= 15 else None)
    run(study, parallel=1)
    assert states(study) == {"complete": 4}
    assert tries["train"] == 2 + 15
    assert told[:15] == ["trial 0: train is put back: it left"] * 15
    assert clock() == 0


def test_a_job_that_had_not_begun_is_sent_again_as_often_as_it_takes(small, make_study, run, trouble, told):
    study = make_study(small)
    tries = trouble("train", lambda number: NotBegunError("on its way") if number <= 3 * LOST_NODES else None)
    run(study, parallel=1)
    assert states(study) == {"complete": 4}
    assert tries["train"] == 2 + 3 * LOST_NODES
    assert told == []


def test_a_job_under_which_every_machine_goes_is_set_aside(small, make_study, run, trouble, told):
    study = make_study(small)
    tries = trouble("train", lambda number: NodeLostError("it left") if number > 1 else None)
    run(study, parallel=1)
    assert states(study) == {"complete": 2, "held": 2}
    assert tries["train"] == 1 + LOST_NODES + RetryProfile().tries


def test_other_work_goes_on_while_a_job_is_put_back(small, make_study, run, trouble, clock):
    study, ended = make_study(small), []
    trouble("train", lambda number: ProcessLostError("killed") if number == 1 else ended.append(clock.now))
    run(study, parallel=4)
    assert ended[0] < 2 <= ended[1]
    assert states(study) == {"complete": 4}


def test_a_process_that_is_always_lost_sets_its_trials_aside(small, make_study, run, trouble, told):
    """As a training that needs more memory than there is: those of the other network are none the worse."""
    study = make_study(small)
    tries = trouble("train", lambda number: ProcessLostError("out of memory") if number > 1 else None)
    run(study, parallel=2)
    assert states(study) == {"complete": 2, "held": 2}
    assert tries["train"] == 1 + 6
    held = [record for record in map(study.noted, study.trials()) if record.state == "held"]
    assert {record.waits for record in held} == {"train: out of memory; this happened 6 times"}
    assert {record.error for record in held} == {None}


def test_some_networks_in_a_row_that_need_too_much_memory_end_nobody_elses_work(grid, make_study, run, monkeypatch):
    def begin(_log: Path, what: str, stage: str, name: str) -> None:
        if (what, stage) == ("begin", "train") and name != "ca":  # The last of four.
            raise MemoryError

    study = make_study(grid)
    monkeypatch.setattr("tests.support.trivial_work._note", begin)
    run(study, parallel=3)
    assert states(study) == {"held": 9, "complete": 3}


def test_what_was_set_aside_is_taken_up(small, make_study, run, trouble):
    study = make_study(small)
    trouble("train", lambda number: ProcessLostError("out of memory") if number > 1 else None)
    run(study, parallel=2)
    again = open_study("tiny", study.url)
    tries = trouble("train", lambda number: None)
    run(again)
    assert [record.state for record in records(again)] == ["complete"] * 4
    assert tries == {"train": 1, "convert": 1, "quantize": 2, "score": 2, "measure": 2}


def test_jobs_that_are_lost_one_after_the_other_stop_the_study(grid, make_study, run, trouble, monkeypatch):
    study = make_study(grid)
    monkeypatch.setattr("mqn.search.work.retries.LOST_IN_A_ROW", 3)
    trouble("train", lambda number: ProcessLostError("killed"))
    with pytest.raises(ProcessLostError, match=r"and to 3 jobs in a row; fix this, then go on with --resume"):
        run(study, parallel=1)
    assert "failed" not in states(study)


@pytest.mark.parametrize("kind", [DiskError, NetworkError])
def test_a_disk_that_stays_full_stops_the_study(kind, small, make_study, run, trouble, clock):
    study = make_study(small)
    trouble("quantize", lambda number: kind("no space left"))
    with pytest.raises(kind, match=r"no space left; this happened 6 times; fix this, then go on with --resume"):
        run(study)
    assert states(study) == {}
    assert clock() >= 2 + 4 + 8 + 16 + 32
    tries = trouble("quantize", lambda number: None)
    again = open_study("tiny", study.url)
    run(again)
    assert states(again) == {"complete": 4}
    assert tries["train"] == 0  # Both were there.


def test_three_crashes_over_one_job_are_the_candidates(small, make_study, run, trouble):
    study = make_study(small)
    crash = ProcessCrashedError("convert: its process crashed (SIGSEGV)")
    tries = trouble("convert", lambda number: crash if number <= 3 else None)
    run(study, parallel=1)
    assert states(study) == {"failed": 2, "complete": 2}
    assert tries["convert"] == 4
    error = "convert: convert: its process crashed (SIGSEGV); it crashed 3 times"
    assert {record.error for record in records(study) if record.error} == {error}


def test_a_crash_that_does_not_repeat_itself_is_a_fault(small, make_study, run, trouble):
    study = make_study(small)
    trouble("convert", lambda number: ProcessCrashedError("crashed") if number in (1, 2, 4, 5) else None)
    run(study, parallel=1)
    assert states(study) == {"complete": 4}


def test_a_lost_job_runs_alone_from_its_third_try_on(small, make_study, make_loop, trouble, tmp_path, clock):
    engine = InProcessEngine(capacity=4)
    trouble("train", lambda number: ProcessLostError("killed") if number <= 2 else None)
    options = {"clock": clock, "sleep": clock.sleep}
    loop = make_loop(make_study(small), FakePipeline(tmp_path / "log"), engine=engine, parallel=1, **options)
    beside = []
    real = engine.collect

    def collect(handle: Any) -> Any:
        beside.append((max(w.faults for w in loop.scheduler._works.values()), len(engine._jobs)))
        return real(handle)

    engine.collect = collect
    loop.run()
    assert all(running == 1 for faults, running in beside if faults == 2)


def test_an_engine_that_dies_begins_anew(small, make_study, make_loop, trouble, tmp_path, clock, told):
    study, engine = make_study(small), InProcessEngine()
    tries, deaths, real = trouble("none", lambda number: None), iter(range(3)), engine.wait

    def wait(handles: Any, timeout: float) -> Any:
        if next(deaths, None) is not None:
            raise ClusterError("Ray's node died")
        return real(handles, timeout)

    engine.wait = wait
    options = {"clock": clock, "sleep": clock.sleep, "tell": told.append}
    make_loop(study, FakePipeline(tmp_path / "log"), engine=engine, **options).run()
    assert states(study) == {"complete": 4}
    assert tries == {"train": 2, "convert": 2, "quantize": 4, "score": 4, "measure": 4}
    assert told == ["Ray's node died; starting anew, and what ran is put back"] * 3


def test_an_engine_that_always_dies_stops_the_study(small, make_study, make_loop, tmp_path, clock):
    study, engine = make_study(small), InProcessEngine()

    def wait(handles: Any, timeout: float) -> Any:
        raise ClusterError("Ray's node died")

    engine.wait = wait
    loop = make_loop(study, FakePipeline(tmp_path / "log"), engine=engine, clock=clock, sleep=clock.sleep)
    with pytest.raises(ClusterError, match="this happened 6 times; fix this, then go on with --resume"):
        loop.run()
    assert states(study) == {}


def test_a_disturbed_machine_fails_no_candidate(grid, make_study, run, trouble, clock, told):
    """Disturbed for its first two minutes, as by a build that somebody else runs."""
    study = make_study(grid)
    tries = trouble("measure", lambda number: unsteady() if clock() < 120 else None)
    run(study)
    assert states(study) == {"complete": 12}
    assert tries["measure"] == 12 + 4
    line = "measure is disturbed: measured as 'unsteady'; its measurements wait, other work goes on"
    assert told == [line, "measure measures steadily again"]


def test_a_machine_that_stays_disturbed_lets_trials_wait_and_ends(small, make_study, run, trouble, clock):
    study = make_study(small)
    tries = trouble("measure", lambda number: unsteady(verdict="unsteady", figures={"latency_ms": 7.0}))
    run(study)
    assert states(study) == {"held": 4}
    assert tries == {"train": 2, "convert": 2, "quantize": 4, "score": 4, "measure": 5}
    assert 225 <= clock() < 300
    for record in map(study.noted, study.trials()):
        assert record.figures.keys() == {"psnr_tm"}
        assert record.waits.startswith("measure/local: measured as 'unsteady'")
        assert record.verdicts == {"local": "unsteady"}
        assert record.unaccepted in ({"local": {"latency_ms": 7.0}}, {"local": {}})
    tries = trouble("measure", lambda number: None)
    again = open_study("tiny", study.url)
    run(again)
    assert states(again) == {"complete": 4}
    assert tries == {"measure": 4}
    assert all(record.waits is None and record.unaccepted == {} for record in records(again))


def test_a_study_that_is_always_disturbed_goes_on_to_its_other_trials(grid, make_study, run, trouble, clock):
    study = make_study(grid)
    trouble("measure", lambda number: unsteady())
    run(study, parallel=2)
    assert states(study) == {"held": 12}
    assert clock() < 3600


def test_one_file_that_never_measures_steadily_holds_up_no_other(small, make_study, run, clock, monkeypatch):
    study, tried = make_study(small), Counter[str]()

    def begin(_log: Path, what: str, stage: str, name: str) -> None:
        if (what, stage) == ("begin", "measure"):
            tried[name] += 1
            if name == "none/static_wi8_ai8/float32":
                raise unsteady()

    monkeypatch.setattr("tests.support.trivial_work._note", begin)
    run(study)
    assert states(study) == {"complete": 3, "held": 1}
    assert sorted(tried.values()) == [1, 1, 1, 5]
    assert clock() < 300


def test_a_model_that_crashes_on_the_device_has_failed(small, make_study, run, trouble):
    study = make_study(small)
    tries = trouble("measure", lambda number: MeasurementError("measured as 'crashed'") if number == 1 else None)
    run(study, parallel=1)
    assert states(study) == {"failed": 1, "complete": 3}
    assert tries["measure"] == 4


def test_the_profile_says_how_often(small, make_study, run, trouble):
    study = make_study(small)
    tries = trouble("train", lambda number: ProcessLostError("killed") if number <= 2 else None)
    run(study, retry=RetryProfile(tries=2, pause_seconds=0.0), parallel=1)
    assert states(study) == {"held": 2, "complete": 2}
    assert tries["train"] == 3


def test_a_disk_that_is_full_when_a_trial_is_logged_is_waited_for(small, make_study, make_loop, tmp_path, clock, told):
    study = make_study(small)
    options = {"clock": clock, "sleep": clock.sleep, "tell": told.append}
    loop = make_loop(study, FakePipeline(tmp_path / "log"), parallel=1, **options)
    logged: list[int] = []

    def log_trial(record: Any, **_: Any) -> None:
        if clock() < 10:
            raise OSError(errno.ENOSPC, "No space left on device", "spool")
        logged.append(record.number)

    loop.tracker.log_trial = log_trial
    loop.run()
    assert logged == [0, 1, 2, 3]
    assert states(study) == {"complete": 4}
    assert told[0] == "trial 0: logging: No space left on device (spool): make room there; again in 2 s"


def test_a_disk_that_stays_full_when_trials_are_logged_stops_the_study(small, make_study, make_loop, tmp_path, clock):
    loop = make_loop(make_study(small), FakePipeline(tmp_path / "log"), clock=clock, sleep=clock.sleep)

    def log_trial(*_: Any, **__: Any) -> None:
        raise TrackingError("cannot write the spool") from OSError(errno.ENOSPC, "No space left on device")

    loop.tracker.log_trial = log_trial
    with pytest.raises(
        DiskError, match="cannot write the spool; this happened 6 times; fix this, then go on with --resume"
    ):
        loop.run()
