"""Runs sent to a tracking server several at a time, against one at a time: real MLflow, 30 ms away."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mqn.net import telemetry
from mqn.records import TrialRecord
from mqn.track.connection import answers
from mqn.track.sending import rounds
from mqn.track.tracker import Tracker
from tests.support.records import make_trial

TRIALS, AWAY_SECONDS = 24, 0.03


def run() -> dict[str, Any]:
    """Send the same trials both ways, in turns; the time of each."""
    threads, seconds = rounds.LANES, {}
    with tempfile.TemporaryDirectory() as temporary, _server(Path(temporary)) as port, _far(port) as uri:
        folder = Path(temporary)
        _send(uri, folder, "warm")
        for count in (1, threads):
            rounds.LANES = count
            seconds[count] = _send(uri, folder, f"by {count}")
    return {
        "name": f"trials sent to a server: {threads} at a time against one",
        "ratio": seconds[threads] / seconds[1],
        "limit": 0.7,
        "detail": {"one_s": seconds[1] / TRIALS, "several_s": seconds[threads] / TRIALS, "trials": TRIALS},
    }


def _send(uri: str, folder: Path, study: str) -> float:
    with Tracker(uri, folder / study) as tracker:
        tracker.open_study(study, {}, {})
        assert not tracker.flush(300)
        for number in range(TRIALS):
            tracker.log_trial(_trial(study, number))
        began = time.perf_counter()
        assert not tracker.flush(300)
        return time.perf_counter() - began


def _trial(study: str, number: int) -> TrialRecord:
    return make_trial(number, study=study, figures={"psnr_tm": 25.0})


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[int]:
    port = _free_port()
    words = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "files")]
    quiet = {**os.environ, **telemetry.ENVIRONMENT, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    null = subprocess.DEVNULL
    process = subprocess.Popen(words, env=quiet, stdout=null, stderr=null, start_new_session=True)
    try:
        end = time.monotonic() + 180
        while not answers(f"http://127.0.0.1:{port}"):
            assert time.monotonic() < end, "MLflow does not answer"
            time.sleep(0.3)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


@contextlib.contextmanager
def _far(port: int) -> Iterator[str]:
    """The server's address behind a line on which every answer takes a while."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    near, _ = listener.accept()
                except OSError:
                    return
                far = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=_carry, args=(near, far, 0.0), daemon=True).start()
                threading.Thread(target=_carry, args=(far, near, AWAY_SECONDS), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _carry(source: socket.socket, target: socket.socket, delay: float) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            time.sleep(delay)
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    print(run())
