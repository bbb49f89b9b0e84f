"""`mqn ui` for real: MLflow's pages are served, and a browser shows a study's trials with its objectives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from tests.support.records import make_trial

from mqn.errors import TrackingError
from mqn.home import home
from mqn.records import Candidate
from mqn.track.connection import connect
from mqn.track.tracker import Tracker
from mqn.track.ui import server

pytestmark = pytest.mark.integration

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--virtual-time-budget=40000",
)


def page_of(browser: str, address: str, folder: Path) -> str:
    """A page as the browser has it after its scripts have run."""
    command = [browser, *QUIET, f"--user-data-dir={folder}", "--dump-dom", address]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout


def test_the_pages_show_a_studys_trials_and_end_with_the_command(tmp_path: Path) -> None:
    uri = f"sqlite:///{home()}/mlflow.db"
    with Tracker(uri, home() / "spool") as tracker:
        constants = {key: value for key, value in Candidate().flat().items() if key != "plan.head"}
        told = {"about": "What *it* is", "goals": {"psnr_tm": "maximize"}, "varied": ["plan.head"]}
        tracker.open_study("shown", {}, {}, **told, constants=constants)
        for number, head in enumerate(("float32", "float16")):
            figures = {"psnr_tm": 25.125 + number}
            candidate = Candidate().with_values({"plan.head": head})
            tracker.log_trial(make_trial(number, study="shown", figures=figures, candidate=candidate))
        assert not tracker.close_study("shown", {})
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    command = [sys.executable, "-m", "mqn", "ui", "shown", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        served = process.stdout.readline()
        assert served, process.stderr.read()
        link, address = process.stdout.readline(), served.split()[2]
        name, _, page = link.strip().partition(": ")
        assert name == "shown"
        assert page.startswith(f"{address}/#/experiments/1/runs?viewStateShareKey=mqn")
        with urllib.request.urlopen(f"{address}/health", timeout=30) as response:
            assert response.status == 200
        browser = shutil.which("chromium")
        if browser is not None:
            shown = page_of(browser, page, tmp_path)
            assert "psnr_tm" in shown
            assert "26.125" in shown
            assert "0001 ca" in shown
            assert "<em>it</em>" in shown
            trials = connect(uri).search_runs(["1"], "tags.`mqn.role` = 'trial'")
            runs = json.dumps([run.info.run_id for run in trials])
            asked = urllib.parse.urlencode({"runs": runs, "experiments": '["1"]'})
            compared = page_of(browser, f"{address}/#/compare-runs?{asked}", tmp_path)
            assert "Comparing 2 Runs" in compared
            assert "plan.head" in compared
            assert "training.epochs" not in compared  # It is the same in both.
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert process.returncode == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{address}/health", timeout=10)


def test_a_free_port_that_somebody_takes_first_is_left_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken, look = other.getsockname()[1], server._free_port
        found = iter([taken])
        monkeypatch.setattr(server, "_free_port", lambda host, port: next(found, None) or look(host, port))
        with server.PagesServer(f"sqlite:///{tmp_path}/mlflow.db", "127.0.0.1", 0, tmp_path) as pages:
            assert urllib.parse.urlsplit(pages.address).port != taken
            with urllib.request.urlopen(f"{pages.address}/health", timeout=30) as response:
                assert response.status == 200


def test_a_port_that_was_asked_for_is_not_left_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr(server, "_free_port", lambda host, port: port)
        pages = server.PagesServer(f"sqlite:///{tmp_path}/mlflow.db", "127.0.0.1", taken, tmp_path)
        with pytest.raises(TrackingError, match=r"MLflow ended.*address already in use"), pages:
            pass
