from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mqn.cli.app import run
from mqn.net import telemetry
from mqn.track.connection import connect


@pytest.fixture
def unset(monkeypatch):
    for name in telemetry.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


def test_a_command_switches_telemetry_off_for_itself_and_what_it_starts(unset, capsys):
    run(["--version"])
    code = f"import os; print([os.environ.get(name) for name in {list(telemetry.ENVIRONMENT)}])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == str(list(telemetry.ENVIRONMENT.values()))
    capsys.readouterr()


@pytest.mark.integration
def test_mlflow_and_ray_take_it_as_off(unset, monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    connect(f"sqlite:///{tmp_path}/mlflow.db")
    from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY
    from ray._common.usage.usage_lib import usage_stats_enabled

    assert MLFLOW_DISABLE_TELEMETRY.get()
    assert os.environ["DO_NOT_TRACK"] == "true"
    assert not usage_stats_enabled()
