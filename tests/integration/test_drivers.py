"""Drivers with homes of their own on one PostgreSQL server, one study and one tracking database.

Stages are trivial. Each driver keeps a log of the stages that it did.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from tests.conftest import REPOSITORY
from tests.support.rigs.postgres import Postgres, missing

from mqn.search.storage.store import connect
from mqn.search.study.studies import open_study
from mqn.search.study.trials import count_states, count_trainings, records
from mqn.track.connection import connect as connect_tracking

pytestmark = [pytest.mark.integration, pytest.mark.skipif(bool(missing()), reason=missing())]

DRIVER = "tests.support.search_driver"
ONCE = {"train": 4, "convert": 4, "quantize": 12, "score": 12, "measure": 12}
LEASE_SECONDS = 10.0
OUTAGE_SECONDS = 8  # several tries, with pauses of up to 4 s
LIMIT_SECONDS = 240


@pytest.fixture
def server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server
        Driver.end_all()


class Driver:
    """A driver on a host of its own: another home, and processes that others cannot see."""

    _started: ClassVar[list[subprocess.Popen[bytes]]] = []

    def __init__(
        self,
        folder: Path,
        server: Postgres,
        name: str,
        engine: str = "inline",
        *,
        seconds: float = 0.5,
        lease: float = 30,
        tracking: str = "",
    ) -> None:
        self.home = folder / name
        self.home.mkdir(exist_ok=True)
        self.errors = self.home / "errors"
        words = ["12", str(seconds), server.url, str(self.home), name, engine, str(lease), tracking]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", DRIVER, str(folder), *words], stderr=errors, cwd=REPOSITORY
            )
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

    def stages(self, what: str) -> Counter[str]:
        """How often each stage began, or ended, in this driver."""
        log = self.home / "log"
        text = log.read_text() if log.exists() else ""
        return Counter(line.split()[1] for line in text.splitlines() if line.startswith(what))

    @property
    def busy(self) -> bool:
        """Whether a stage is under way."""
        return self.stages("begin").total() > self.stages("end").total()


def wait_for(what: Callable[[], bool], *drivers: Driver) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while not what():
        for driver in drivers:
            assert driver.process.poll() is None, driver.said()
        assert time.monotonic() < end
        time.sleep(0.02)


def check(server: Postgres, *drivers: Driver) -> None:
    """Nothing is lost, and nothing was done twice."""
    study = open_study("tiny", server.url)
    assert count_states(study) == {**dict.fromkeys(count_states(study), 0), "complete": 12}
    found = records(study)
    assert len({(record.candidate.arch.attention, record.candidate.plan.label) for record in found}) == 12
    assert len(study.optuna.get_trials()) == 12
    assert count_trainings(found) == 4
    assert sum((driver.stages("end") for driver in drivers), Counter()) == ONCE
    assert connect(server.url).drivers("tiny") == []
    for driver in drivers:
        assert "Traceback" not in driver.said()


def check_tracked(tracking: str, server: Postgres) -> None:
    """Each trial has one run, with its figures; the study's run is over."""
    client = connect_tracking(tracking)
    experiment = client.get_experiment_by_name("tiny")
    runs = client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED"] * 13
    told = {
        int(run.data.tags["mqn.trial"]): (run.data.metrics["psnr_tm"], run.data.params["arch.attention"])
        for run in runs
        if run.data.tags["mqn.role"] == "trial"
    }
    found = records(open_study("tiny", server.url))
    assert told == {record.number: (record.figures["psnr_tm"], record.candidate.arch.attention) for record in found}


def test_of_three_drivers_one_is_killed_and_one_is_frozen_past_its_lease(server, tmp_path):
    tracking = f"sqlite:///{tmp_path / 'mlflow.db'}"
    connect_tracking(tracking)
    settings = {"lease": LEASE_SECONDS, "tracking": tracking}
    # The frozen one is on Ray, whose workers go on: a stage that is frozen itself keeps its artifact locked.
    frozen = Driver(tmp_path, server, "frozen", "ray", seconds=2.0, **settings)
    wait_for(lambda: frozen.busy, frozen)
    killed = Driver(tmp_path, server, "killed", seconds=1.0, **settings)
    wait_for(lambda: killed.busy, frozen, killed)
    third = Driver(tmp_path, server, "third", seconds=0.1, **settings)
    store = connect(server.url)
    wait_for(lambda: len(store.drivers("tiny")) == 3, frozen, killed, third)
    wait_for(lambda: frozen.busy and killed.busy, frozen, killed, third)
    assert [bool(trials) for _driver, trials in store.holdings("tiny")][:2] == [True, True]
    # Killed when its stage has a second to go: one that has ended, and is not published yet, is rightly done again.
    begun = killed.stages("begin").total()
    wait_for(lambda: killed.stages("begin").total() > begun, frozen, killed, third)
    killed.process.kill()
    killed.wait()
    os.kill(frozen.process.pid, signal.SIGSTOP)
    try:
        assert third.wait() == 0, third.said()
    finally:
        os.kill(frozen.process.pid, signal.SIGCONT)
    assert frozen.wait() == 1, frozen.said()
    assert "this driver of study 'tiny' gave no sign of life for 10 s, so what it did was left to" in frozen.said()
    assert "it writes nothing more: join again with --resume" in frozen.said()
    assert "study 'tiny' is driven by process" in killed.said() + frozen.said() + third.said()
    check(server, frozen, killed, third)
    check_tracked(tracking, server)


def test_a_database_that_is_away_for_a_while_ends_no_study(server, tmp_path):
    driver = Driver(tmp_path, server, "only")
    wait_for(lambda: driver.stages("begin")["quantize"] >= 3, driver)
    server.stop()
    time.sleep(OUTAGE_SECONDS)
    server.start()
    assert driver.wait() == 0, driver.said()
    check(server, driver)
    assert f"postgresql://mqn:***@127.0.0.1:{server.port}/postgres does not answer" in driver.said()
    assert "the study database is back after" in driver.said()
