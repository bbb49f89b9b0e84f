from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.conftest import REPOSITORY

from mqn.search.study.studies import open_study
from mqn.search.study.trials import count_states, count_trainings, records

pytestmark = pytest.mark.integration

DRIVER = "tests.support.search_driver"
ONCE = {"train": 4, "convert": 4, "quantize": 12, "score": 12, "measure": 12}


@pytest.fixture
def folder(tmp_path: Path, tracking_database: Path) -> Path:
    shutil.copy(tracking_database, tmp_path)
    return tmp_path


def start(folder: Path, seconds: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", DRIVER, str(folder), "12", str(seconds)], cwd=REPOSITORY)


def finish(folder: Path) -> None:
    assert start(folder, 0.0).wait(240) == 0


def lines(folder: Path, what: str) -> Counter[str]:
    log = folder / "log"
    text = log.read_text() if log.exists() else ""
    return Counter(line.split()[1] for line in text.splitlines() if line.startswith(what))


def logged_runs(folder: Path) -> list[int]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    return sorted(int(run.data.tags["mqn.trial"]) for run in runs if "mqn.trial" in run.data.tags)


def check(folder: Path) -> None:
    study = open_study("tiny", f"sqlite:///{folder / 'study.db'}")
    assert count_states(study) == {**dict.fromkeys(count_states(study), 0), "complete": 12}
    found = records(study)
    assert len({(record.candidate.arch.attention, record.candidate.plan.label) for record in found}) == 12
    assert count_trainings(found) == 4
    assert lines(folder, "end") == ONCE
    assert logged_runs(folder) == list(range(12))


def test_twelve_plans_over_four_networks_on_ray(folder):
    finish(folder)
    check(folder)
    assert lines(folder, "begin") == ONCE


@pytest.mark.parametrize(("stage", "count"), [("train", 2), ("quantize", 4), ("measure", 5)])
def test_killed_driver_goes_on_where_it_was(stage, count, folder):
    driver = start(folder, 0.5)
    end = time.monotonic() + 240
    while lines(folder, "begin")[stage] < count:
        assert driver.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    before = lines(folder, "end")
    assert before[stage] < ONCE[stage]
    finish(folder)
    check(folder)
