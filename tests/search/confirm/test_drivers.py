"""Two drivers confirm one front, and one of them is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import REPOSITORY

from mqn.search.study.studies import open_study
from mqn.search.study.trials import count_confirmations, count_states, records

pytestmark = pytest.mark.integration

LIMIT_SECONDS = 240
SEEDS = 5  # With two members that makes more trials than one driver begins at once.
FRONT = 2  # The cheapest plan of `sa` and that of `ca` come to the same figures.


@pytest.fixture
def start(tmp_path: Path) -> Iterator:
    """Starts a driver with a home of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def make(name: str) -> subprocess.Popen[bytes]:
        home = tmp_path / name
        home.mkdir(exist_ok=True)
        database = f"sqlite:///{tmp_path / 'study.db'}"
        words = [str(tmp_path), "12", "0.1", database, str(home), "here", "inline", "10", "", str(SEEDS)]
        with (home / "errors").open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.search_driver", *words], stderr=errors, cwd=REPOSITORY
            )
        started.append(process)
        return process

    yield make
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def ended(tmp_path: Path, what: str) -> Counter[str]:
    """How often each stage of each network began or ended, in all drivers together."""
    lines = [line for log in tmp_path.glob("*/log") for line in log.read_text().splitlines()]
    return Counter(line.partition(" ")[2] for line in lines if line.startswith(what))


def confirms(log: Path) -> bool:
    """Whether a driver has begun a training with a further seed."""
    return log.exists() and "/1" in log.read_text()


def said(tmp_path: Path) -> str:
    """What all drivers said."""
    return "\n".join(file.read_text(errors="replace") for file in tmp_path.glob("*/errors"))


def test_a_driver_is_killed_while_two_confirm_a_front(start, tmp_path):
    drivers = {name: start(name) for name in ("one", "two")}
    end = time.monotonic() + LIMIT_SECONDS
    while not (confirming := [name for name in drivers if confirms(tmp_path / name / "log")]):
        assert all(driver.poll() is None for driver in drivers.values()), said(tmp_path)
        assert time.monotonic() < end
        time.sleep(0.02)
    doomed = drivers.pop(confirming[0])
    doomed.kill()
    doomed.wait()
    (other,) = drivers.values()
    assert other.wait(LIMIT_SECONDS) == 0, said(tmp_path)
    study = open_study("tiny", f"sqlite:///{tmp_path / 'study.db'}")
    for counts, expected in ((count_states(study), 12), (count_confirmations(study), SEEDS * FRONT)):
        assert counts == {**dict.fromkeys(counts, 0), "complete": expected}
    confirming = [record for record in records(study) if record.confirms is not None]
    assert len({(record.confirms, record.candidate.training.seed) for record in confirming}) == SEEDS * FRONT
    assert max(ended(tmp_path, "end").values()) == 1
    assert ended(tmp_path, "end").total() == 4 + 4 + 12 + 12 + 12 + SEEDS * FRONT * 5
