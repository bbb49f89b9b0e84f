"""Drivers with homes of their own on one PostgreSQL server: kept apart, followed, and not ended by an outage.

Stages are trivial, and most run in the driver's process: its signs of life come from a thread.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from tests.postgres import Postgres, missing

from mqn.search.census import count_states, count_trainings, records
from mqn.search.store import connect
from mqn.search.study import open_study

pytestmark = [pytest.mark.integration, pytest.mark.skipif(bool(missing()), reason=missing())]

DRIVER = Path(__file__).parents[1] / "search" / "search_driver.py"
ONCE = {"train": 4, "convert": 4, "quantize": 12, "score": 12, "measure": 12}
OUTAGE_SECONDS = 20


@pytest.fixture
def server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server
        Driver.end_all()


class Driver:
    """A driver on a host of its own: another home, and processes that others cannot see."""

    _started: ClassVar[list[subprocess.Popen[bytes]]] = []

    def __init__(self, folder: Path, server: Postgres, name: str, engine: str = "inline") -> None:
        home = folder / name
        home.mkdir(exist_ok=True)
        self.errors = home / "errors"
        words = [sys.executable, str(DRIVER), str(folder), "12", "0.5", server.url, str(home), name, engine]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(words, stderr=errors)
        self._started.append(self.process)

    @classmethod
    def end_all(cls) -> None:
        """End what a test that failed has left."""
        for process in cls._started:
            if process.poll() is None:
                process.kill()
                process.wait()
        cls._started.clear()

    def wait(self) -> int:
        return self.process.wait(300)

    def said(self) -> str:
        return self.errors.read_text(errors="replace")


def lines(folder: Path, what: str) -> Counter[str]:
    log = folder / "log"
    text = log.read_text() if log.exists() else ""
    return Counter(line.split()[1] for line in text.splitlines() if line.startswith(what))


def wait_for(folder: Path, driver: Driver, stage: str, count: int) -> None:
    end = time.monotonic() + 240
    while lines(folder, "begin")[stage] < count:
        assert driver.process.poll() is None, driver.said()
        assert time.monotonic() < end
        time.sleep(0.02)


def check(folder: Path, server: Postgres, *drivers: Driver) -> None:
    """Nothing is lost, and nothing was done twice."""
    study = open_study("tiny", server.url)
    assert count_states(study) == {**dict.fromkeys(count_states(study), 0), "complete": 12}
    found = records(study)
    assert len({(record.candidate.arch.attention, record.candidate.plan.label) for record in found}) == 12
    assert count_trainings(found) == 4
    assert lines(folder, "end") == ONCE
    assert connect(server.url).drivers("tiny") == []
    for driver in drivers:
        assert "Traceback" not in driver.said()


def test_second_driver_is_refused_by_name_and_follows_when_the_first_is_killed(server, tmp_path):
    first = Driver(tmp_path, server, "first")
    wait_for(tmp_path, first, "train", 1)
    second = Driver(tmp_path, server, "second")
    assert second.wait() == 1
    who = f"study 'tiny' is driven by process {first.process.pid} on {socket.gethostname()} since 20"
    assert who in second.said()
    wait_for(tmp_path, first, "quantize", 4)
    os.kill(first.process.pid, signal.SIGKILL)
    first.wait()
    third = Driver(tmp_path, server, "third")
    assert third.wait() == 0, third.said()
    assert f"process {first.process.pid} on {socket.gethostname()} has driven study 'tiny'" in third.said()
    check(tmp_path, server, second, third)


def test_a_driver_that_was_suspended_stops_by_name_and_writes_nothing(server, tmp_path):
    # On Ray, whose workers go on: a stage that is stopped itself keeps its artifact locked.
    first = Driver(tmp_path, server, "first", "ray")
    wait_for(tmp_path, first, "quantize", 2)
    os.kill(first.process.pid, signal.SIGSTOP)
    second = Driver(tmp_path, server, "second", "ray")
    try:
        assert second.wait() == 0, second.said()
    finally:
        os.kill(first.process.pid, signal.SIGCONT)
    assert first.wait() == 1
    assert "study 'tiny' was taken over by another driver" in first.said()
    check(tmp_path, server, first, second)


def test_a_database_that_is_away_for_20_seconds_ends_no_study(server, tmp_path):
    driver = Driver(tmp_path, server, "only")
    wait_for(tmp_path, driver, "quantize", 3)
    server.stop()
    time.sleep(OUTAGE_SECONDS)
    server.start()
    assert driver.wait() == 0, driver.said()
    check(tmp_path, server, driver)
    assert f"postgresql://mqn:***@127.0.0.1:{server.port}/postgres does not answer" in driver.said()
    assert "the study database is back after" in driver.said()
