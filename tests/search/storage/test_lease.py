from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading

import pytest
import sqlalchemy
from sqlalchemy import update
from tests.support.records import make_trial

from mqn.errors import StudyBusyError
from mqn.search.storage.drivers import LEASE_SECONDS
from mqn.search.storage.lease import GoalReachedError, Lease, drive
from mqn.search.storage.retrying import Patience, PatientStorage
from mqn.search.storage.store import StudyStore, connect
from mqn.search.storage.tables import CLAIMS, DRIVERS, HOLDS
from mqn.search.study.studies import open_study
from mqn.search.study.trials import count_states

ELSEWHERE = "another machine"

FIGURES = {"psnr_tm": 1.0, "latency_ms/board": 2.0, "latency_ms": 2.0}


class Clock:
    """Monotonic seconds that pass when somebody sleeps; `every` is called after each second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.every = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.every()


@pytest.fixture
def store(tmp_path, empty_database) -> StudyStore:
    shutil.copy(empty_database, tmp_path / "study.db")
    return connect(f"sqlite:///{tmp_path / 'study.db'}")


def lease(store: StudyStore, study: str = "tiny", clock: Clock | None = None) -> Lease:
    """A driver with a home of its own: its own connection to the database."""
    other, clock = connect(store.url), clock or Clock()
    return Lease(other.database, study, other.patience, clock=clock, sleep=clock.sleep)


def joined(store: StudyStore, study: str = "tiny", clock: Clock | None = None) -> Lease:
    """A driver that has its lease."""
    made = lease(store, study, clock)
    made.take()
    return made


def move(store: StudyStore, taken: Lease, **changes: object) -> None:
    """Have a driver's row say something else."""
    with store.database.engine.begin() as connection:
        connection.execute(update(DRIVERS).where(DRIVERS.c.id == taken.driver).values(**changes))


def rows(store: StudyStore, table: sqlalchemy.Table) -> int:
    with store.database.engine.connect() as connection:
        return int(connection.execute(sqlalchemy.select(sqlalchemy.func.count()).select_from(table)).scalar_one())


def own_storage(lease: Lease) -> StudyStore:
    """What a driver opens its study with."""
    storage = PatientStorage(lease._database, lease.patiently)
    return StudyStore(url="", database=lease._database, patience=lease.patiently, storage=storage)


def test_a_second_driver_joins_and_says_who_else_drives(store):
    first, second = joined(store), lease(store)
    told: list[str] = []
    second.take(say=told.append)
    who = f"process {os.getpid()} on {socket.gethostname()}"
    assert told == [f"study 'tiny' is driven by {who} too"]
    assert [driver.seat for driver in store.drivers("tiny")] == [0, 1]
    assert [driver.id for driver in second.others()] == [first.driver]
    first.give_back()
    joined(store)
    assert [driver.seat for driver in store.drivers("tiny")] == [0, 1]


@pytest.mark.slow
def test_drivers_that_join_at_the_same_moment_all_have_a_seat(store):
    leases = [lease(store) for _ in range(6)]
    threads = [threading.Thread(target=one.take) for one in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(driver.seat for driver in store.drivers("tiny")) == list(range(6))


def test_who_needs_the_study_alone_is_refused_while_a_driver_lives(store):
    first, clock = joined(store), Clock()
    with pytest.raises(StudyBusyError, match=f"process {os.getpid()} on {socket.gethostname()} since 20"):
        lease(store, clock=clock).take(alone=True)
    assert clock.slept == []
    first.give_back()
    lease(store).take(alone=True)


def test_nobody_joins_while_a_study_is_deleted(store):
    lease(store).take(alone=True)
    with pytest.raises(StudyBusyError, match="study 'tiny' is being deleted by process"):
        joined(store)
    joined(store, "other")
    assert [driver.seat for driver in store.drivers("tiny")] == [-1]


def test_a_driver_that_died_here_is_found_dead_at_once(store):
    first = joined(store)
    first.claim(7)
    first.jobs.take([("train", "abc")])
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    move(store, first, process=gone.pid)
    second, clock = lease(store), Clock()
    second.take(alone=True)
    assert clock.slept == []
    assert (rows(store, DRIVERS), rows(store, HOLDS), rows(store, CLAIMS)) == (1, 0, 0)


def test_a_process_that_got_the_number_of_a_dead_driver_is_not_the_driver(store):
    first = joined(store)
    move(store, first, started="1.00")
    assert joined(store).others() == []


def watch(lease: Lease, clock: Clock, seconds: int) -> None:
    """Let time pass, with a sign of life each second."""
    for _ in range(seconds):
        clock.now += 1
        lease.beat()


@pytest.mark.slow
def test_a_driver_elsewhere_that_gives_signs_of_life_stays(store):
    first = joined(store)
    move(store, first, machine=ELSEWHERE, host="far")
    clock = Clock()
    second = joined(store, clock=clock)
    for _ in range(4):
        watch(second, clock, 20)
        first.beat()
    assert [driver.id for driver in second.others()] == [first.driver]


@pytest.mark.slow
def test_a_silent_driver_elsewhere_loses_what_it_held_after_its_lease(store):
    first = joined(store)
    first.claim(7)
    first.jobs.take([("train", "abc")])
    move(store, first, machine=ELSEWHERE)
    clock = Clock()
    second = joined(store, clock=clock)
    watch(second, clock, int(LEASE_SECONDS) - 1)
    assert not second.claim(7)
    assert not second.jobs.take([("train", "abc")])
    watch(second, clock, 1)
    assert second.claim(7)
    assert second.jobs.take([("train", "abc")])
    assert not first.confirm()
    first.beat()
    words = f"gave no sign of life for 30 s, so what it did was left to process {os.getpid()} on .*; it writes nothing"
    with pytest.raises(StudyBusyError, match=words):
        first.check()
    second.check()
    assert second.confirm()


@pytest.mark.slow
@pytest.mark.parametrize("hours", [-1000, 1000])
def test_clocks_of_hosts_are_not_compared(hours, store):
    first = joined(store)
    move(store, first, machine=ELSEWHERE, beaten=DRIVERS.c.beaten + 3600 * hours)
    clock = Clock()
    second = joined(store, clock=clock)
    watch(second, clock, int(LEASE_SECONDS) - 1)
    assert len(second.others()) == 1
    watch(second, clock, 1)
    assert second.others() == []


@pytest.mark.slow
def test_silence_is_not_counted_while_the_observer_was_away(store):
    first = joined(store)
    move(store, first, machine=ELSEWHERE)
    clock = Clock()
    second = joined(store, clock=clock)
    watch(second, clock, 20)
    clock.now += 1000
    watch(second, clock, int(LEASE_SECONDS))
    assert len(second.others()) == 1
    watch(second, clock, 1)
    assert second.others() == []


@pytest.mark.slow
def test_who_needs_the_study_alone_waits_for_a_silent_driver_elsewhere(store):
    first = joined(store)
    move(store, first, machine=ELSEWHERE)
    told: list[str] = []
    clock = Clock()
    lease(store, clock=clock).take(alone=True, say=told.append)
    assert clock.now == LEASE_SECONDS
    assert [f"process {os.getpid()}" in line for line in told] == [True]


@pytest.mark.slow
def test_a_driver_that_lost_its_lease_writes_nothing(grid, make_study, store):
    make_study(grid)
    first = joined(store)
    study = open_study("tiny", own_storage(first), first)
    study.enqueue(grid.grid()[:2])
    trial = study.ask()
    assert trial is not None
    record = make_trial(trial.number, study="tiny", candidate=grid.candidate(trial.params), figures=FIGURES)
    move(store, first, started="1.00")
    joined(store)
    for write in (
        lambda: study.ask(),
        lambda: study.enqueue(grid.grid()),
        lambda: study.note(trial, record),
        lambda: study.finish(trial, record),
        lambda: first.claim(7),
        lambda: first.jobs.take([("train", "abc")]),
    ):
        with pytest.raises(StudyBusyError, match=r"was left to process .*; it writes nothing more: join again"):
            write()
    again = open_study("tiny", store)
    assert count_states(again) == {**dict.fromkeys(count_states(again), 0), "interrupted": 1, "waiting": 1}
    assert (rows(store, HOLDS), rows(store, CLAIMS)) == (0, 0)


@pytest.mark.slow
def test_running_are_the_trials_of_a_living_driver(grid, make_study, store):
    make_study(grid)
    lease = joined(store)
    study = open_study("tiny", own_storage(lease), lease)
    study.enqueue(grid.grid())
    study.ask()
    study.ask()
    assert (count_states(study)["running"], count_states(study)["interrupted"]) == (2, 0)
    move(store, lease, started="1.00")
    assert (count_states(study)["running"], count_states(study)["interrupted"]) == (0, 2)


@pytest.mark.slow
def test_a_trial_is_held_by_one_driver(store):
    first, second = joined(store), joined(store)
    assert first.claim(7)
    assert first.claim(7)
    assert not second.claim(7)
    first.let_go(7)
    assert second.claim(7)
    assert [trials for _driver, trials in store.holdings("tiny")] == [frozenset(), {7}]
    second.give_back()
    assert first.claim(7)


@pytest.mark.slow
def test_a_trial_that_is_made_is_held_from_its_first_moment(make_study, grid, store):
    make_study(grid)
    first, second = joined(store), joined(store)
    study = open_study("tiny", own_storage(first), first)
    made = study.optuna.ask()
    assert set(study.running().values()) == {first.driver}
    assert not second.claim(made._trial_id)
    first.give_back()
    assert study.running() == {made._trial_id: None}


@pytest.mark.slow
def test_no_trial_begins_beyond_the_goal_however_many_drivers_begin_some(make_study, grid, store):
    make_study(grid)
    refused: list[int] = []

    def begin(number: int) -> None:
        mine = joined(store)
        study = open_study("tiny", own_storage(mine), mine)
        for _ in range(4):
            try:
                with mine.beginning(study.optuna._study_id, 9):
                    study.optuna.ask()
            except GoalReachedError:
                refused.append(number)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(open_study("tiny", store).trials()) == 9
    assert len(refused) == 5 * 4 - 9


@pytest.mark.slow
def test_a_claimed_job_is_free_again_once_it_is_released(store):
    first, second, other = joined(store), joined(store), joined(store, "other")
    assert first.jobs.take([("train", "abc")])
    assert first.jobs.take([("score", "abc")])
    assert not second.jobs.take([("train", "abc")])
    assert not other.jobs.take([("train", "abc")])  # Studies share artifacts.
    first.jobs.release(("train", "abc"))
    assert first.jobs.take([("train", "abc")])
    first.jobs.release(("train", "abc"))
    first.jobs.settle()
    assert other.jobs.take([("train", "abc")])
    assert not other.jobs.take([("score", "abc")])


@pytest.mark.slow
def test_what_one_driver_does_alone_another_waits_for(store):
    clock = Clock()
    first, second = joined(store), joined(store, clock=clock)
    with first.alone("queue"), joined(store, "other").alone("queue"):
        clock.every = lambda: first.give_back() if len(clock.slept) == 3 else None
        with second.alone("queue"):
            assert len(clock.slept) == 3


def test_signs_of_life_come_from_a_thread_of_their_own(store):
    with drive(store.database, "tiny", store.patience, seconds=0.06):
        count = 0
        while count < 3:
            with store.database.engine.connect() as connection:
                count = connection.execute(sqlalchemy.select(DRIVERS.c.beat)).scalar_one()
    assert store.drivers("tiny") == []


@pytest.mark.slow
def test_a_database_of_an_older_version_takes_several_drivers(store):
    first = joined(store)
    with store.database.engine.begin() as connection:
        CLAIMS.drop(connection)
    second = joined(store)  # The older driver has a row at seat 0, and no claims.
    assert first.claim(7)
    assert not second.claim(7)
    assert second.jobs.take([("train", "abc")])


def test_a_database_that_is_away_while_a_driver_joins_is_waited_for(store, monkeypatch):
    clock, second = Clock(), lease(store)
    second.patiently = Patience(store.url, 60, clock=clock, sleep=clock.sleep)
    real, tries = second.beat, list[float]()

    def beat() -> None:
        tries.append(clock())
        if len(tries) < 3:
            raise sqlalchemy.exc.OperationalError("", None, sqlite3_locked())
        real()

    monkeypatch.setattr(second, "beat", beat)
    second.take()
    assert len(tries) == 3
    assert second.confirm()


def sqlite3_locked() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorname = "SQLITE_BUSY"
    return error
