from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
import sqlalchemy
from sqlalchemy import update

from mqn.errors import StudyBusyError
from mqn.search.census import count_states
from mqn.search.drivers import DRIVERS, LEASE_SECONDS
from mqn.search.lease import Lease
from mqn.search.store import StudyStore, connect
from mqn.search.study import open_study

ELSEWHERE = "another machine"


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
def store(tmp_path) -> StudyStore:
    return connect(f"sqlite:///{tmp_path / 'study.db'}")


def lease(store: StudyStore, study: str = "tiny") -> Lease:
    """A driver with a home of its own: its own connection to the database."""
    other = connect(store.url)
    return Lease(other.database, study, other.patience)


def move(store: StudyStore, taken: Lease, **changes: object) -> None:
    """Have a driver's row say something else."""
    with store.database.engine.begin() as connection:
        connection.execute(update(DRIVERS).where(DRIVERS.c.id == taken.driver).values(**changes))


def take(lease: Lease, clock: Clock | None = None) -> Clock:
    clock = clock or Clock()
    lease.take(clock=clock, sleep=clock.sleep)
    return clock


def test_a_driver_that_lives_here_refuses_a_second_at_once(store):
    take(lease(store))
    clock = Clock()
    with pytest.raises(StudyBusyError, match=f"process {os.getpid()} on {socket.gethostname()} since 20"):
        take(lease(store), clock)
    assert clock.slept == []


def test_other_studies_are_free(store):
    take(lease(store))
    take(lease(store, "other"))


def test_given_back_it_is_free(store):
    first = lease(store)
    take(first)
    first.give_back()
    assert take(lease(store)).slept == []


def test_a_driver_that_died_here_is_followed_at_once(store):
    first = lease(store)
    take(first)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    move(store, first, process=gone.pid)
    assert take(lease(store)).slept == []


def test_a_process_that_got_the_number_of_a_dead_driver_is_not_the_driver(store):
    first = lease(store)
    take(first)
    move(store, first, started="1.00")
    assert take(lease(store)).slept == []


def test_a_driver_elsewhere_that_gives_a_sign_of_life_refuses_a_second(store):
    first = lease(store)
    take(first)
    move(store, first, machine=ELSEWHERE, host="far")
    clock = Clock()
    clock.every = lambda: first.beat() if clock.now == 5 else None
    with pytest.raises(StudyBusyError, match=f"driven by process {os.getpid()} on far"):
        take(lease(store), clock)
    assert clock.now == 5


def test_a_silent_driver_elsewhere_is_followed_after_its_lease(store):
    first = lease(store)
    take(first)
    move(store, first, machine=ELSEWHERE)
    told: list[str] = []
    clock, second = Clock(), lease(store)
    second.take(clock=clock, sleep=clock.sleep, say=told.append)
    assert clock.now == LEASE_SECONDS
    assert [f"process {os.getpid()}" in line for line in told] == [True]
    first.beat()
    with pytest.raises(StudyBusyError, match="study 'tiny' was taken over by process"):
        first.check()
    second.check()


@pytest.mark.parametrize("hours", [-1000, 1000])
def test_clocks_of_hosts_are_not_compared(hours, store):
    first = lease(store)
    take(first)
    move(store, first, machine=ELSEWHERE, beaten=DRIVERS.c.beaten + 3600 * hours)
    assert take(lease(store)).now == LEASE_SECONDS


def test_silence_is_not_counted_while_the_observer_was_away(store):
    first = lease(store)
    take(first)
    move(store, first, machine=ELSEWHERE)
    clock = Clock()

    def suspend() -> None:
        if clock.now == 20:
            clock.now += 1000

    clock.every = suspend
    take(lease(store), clock)
    assert clock.now == 1020 + 1 + LEASE_SECONDS - 1


def test_of_two_that_follow_a_dead_driver_one_does(store):
    first, second, third = lease(store), lease(store), lease(store)
    take(first)
    move(store, first, machine=ELSEWHERE)
    clock = Clock()
    clock.every = lambda: take(second) if clock.now == LEASE_SECONDS - 1 else None
    with pytest.raises(StudyBusyError, match="driven by process"):
        take(third, clock)
    second.check()


def test_a_driver_that_lost_its_lease_writes_nothing(grid, make_study, store):
    make_study(grid)
    first = lease(store)
    take(first)
    study = open_study("tiny", StudyStore(url=store.url, database=first._database, **parts(first)), first)
    study.enqueue(grid.grid()[:2])
    trial = study.ask()
    assert trial is not None
    grid.suggest(trial)
    move(store, first, machine=ELSEWHERE)
    second = lease(store)
    take(second)
    for write in (
        lambda: study.ask(),
        lambda: study.enqueue(grid.grid()),
        lambda: trial.set_user_attr("record", {}),
        lambda: study.optuna.tell(trial, [1.0, 2.0]),
    ):
        with pytest.raises(StudyBusyError, match=r"was taken over by process .* this driver writes nothing more"):
            write()
    again = open_study("tiny", store)
    assert count_states(again) == {**dict.fromkeys(count_states(again), 0), "interrupted": 1, "waiting": 1}


def parts(lease: Lease) -> dict[str, object]:
    from mqn.search.patience import PatientStorage

    return {"patience": lease._patiently, "storage": PatientStorage(lease._database, lease._patiently)}


def test_running_are_the_trials_of_a_living_driver(grid, make_study, store):
    study = make_study(grid)
    study.lease = lease(store)
    take(study.lease)
    study.enqueue(grid.grid())
    grid.suggest(study.ask())
    study.ask()
    assert (count_states(study)["running"], count_states(study)["interrupted"]) == (2, 0)
    move(store, study.lease, started="1.00")
    assert (count_states(study)["running"], count_states(study)["interrupted"]) == (0, 2)


def test_a_trial_is_held_by_one_driver(store):
    first, second = lease(store), lease(store, "other")
    take(first)
    take(second)
    assert first.claim(7)
    assert first.claim(7)
    assert not second.claim(7)
    first.let_go(7)
    assert second.claim(7)
    second.give_back()
    assert first.claim(7)


def test_a_follower_holds_what_the_dead_driver_held(store):
    first, second = lease(store), lease(store)
    take(first)
    first.claim(7)
    move(store, first, machine=ELSEWHERE)
    take(second)
    assert second.claim(7)
    assert not first.claim(7)


def test_signs_of_life_come_from_a_thread_of_their_own(store, monkeypatch):
    monkeypatch.setattr("mqn.search.lease._BEAT_SECONDS", 0.01)
    first = lease(store)
    take(first)
    first.keep()
    count = 0
    while count < 3:
        with store.database.engine.connect() as connection:
            count = connection.execute(sqlalchemy.select(DRIVERS.c.beat)).scalar_one()
    first.give_back()
    assert store.drivers("tiny") == []
