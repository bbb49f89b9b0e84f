"""MLflow and the command line in a folder whose name means something in a URL."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from mqn.net.database_urls import fill_home
from mqn.track.connection import artifact_root, connect

pytestmark = pytest.mark.integration

NAME = "feature%2Flogin what?now #1 {x} 50% Büro"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / NAME
    folder.mkdir()
    return folder


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_mlflow_keeps_runs_and_files_there_and_serves_them(place: Path, tmp_path: Path) -> None:
    uri = fill_home("sqlite:///{home}/mlflow.db", place)
    client = connect(uri)
    experiment = client.create_experiment("odd", artifact_root(uri, "odd"))
    run = client.create_run(experiment)
    client.log_metric(run.info.run_id, "psnr", 30.0)
    (tmp_path / "note.txt").write_text("kept")
    client.log_artifact(run.info.run_id, str(tmp_path / "note.txt"))
    (tmp_path / "note.txt").unlink()
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert (place / "mlflow.db").is_file()
    assert [path.read_text() for path in (place / "mlartifacts").rglob("note.txt")] == ["kept"]

    port = _free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    (tmp_path / "elsewhere").mkdir()
    server = subprocess.Popen(
        command,
        cwd=tmp_path / "elsewhere",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # Without jobs there are four processes less.
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )
    try:
        url = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/get-by-name?experiment_name=odd"
        deadline = time.monotonic() + 120
        while True:
            try:
                answer = httpx.get(url, timeout=10)
                break
            except httpx.TransportError:
                assert server.poll() is None, "the server ended"
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.5)
        assert answer.json()["experiment"]["experiment_id"] == experiment
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", NAME]


def test_commands_keep_their_state_there(place: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "MQN_HOME"}
    done = subprocess.run(
        [sys.executable, "-m", "mqn", "status", "none"],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "no study 'none'" in done.stderr, done.stderr
    assert [path.name for path in place.parent.iterdir()] == [NAME]
    assert {path.name for path in place.iterdir()} <= {".mqn"}
