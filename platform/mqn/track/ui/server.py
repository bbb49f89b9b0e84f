"""MLflow's server on a database: a child process. Passwords are in its environment, not in its arguments."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from mqn.errors import TrackingError
from mqn.net import telemetry
from mqn.net.database_urls import sqlite_file
from mqn.text.redaction import redact
from mqn.track.connection import answers

START_SECONDS = 180.0
_STOP_SECONDS = 15.0
_TAIL_LINES = 40
_OTHER_PORTS = 3
_TAKEN = "address already in use"


class PagesServer:
    """MLflow's server as a context manager: it answers inside the block, and ends with it."""

    def __init__(self, uri: str, host: str, port: int, folder: Path) -> None:
        """Start MLflow's pages on a database; port 0 takes a free one.

        Raises:
            TrackingError: the address cannot be listened on.
        """
        self._uri, self._host, self._folder = uri, host, folder
        self._may_move = port == 0
        self._start(port)

    def __enter__(self) -> Self:
        try:
            for _ in range(_OTHER_PORTS):
                if self._answers_unless_taken():
                    return self
                self._start(0)
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Its address for a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._host, self._host)  # noqa: S104 - only compared
        return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{self._port}"

    def wait(self) -> None:
        """Wait until it ends by itself, which is a TrackingError."""
        self._process.wait()
        raise TrackingError(self._ended())

    def stop(self) -> None:
        """End it and its child processes."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                os.killpg(self._process.pid, number)
                try:
                    self._process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    continue

    def _start(self, port: int) -> None:
        self._port = _free_port(self._host, port)
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        command = [sys.executable, "-P", "-m", "mlflow", "server", "--workers", "1"]
        command += ["--host", self._host, "--port", str(self._port)]
        file = sqlite_file(self._uri)
        place = (self._folder if file is None else file.parent) / "mlartifacts"
        self._process = subprocess.Popen(
            command,
            cwd=self._folder,
            # Other users can read arguments, not the environment.
            env={
                **os.environ,
                **telemetry.ENVIRONMENT,
                "MLFLOW_BACKEND_STORE_URI": self._uri,
                "MLFLOW_ARTIFACTS_DESTINATION": str(place),
                # Its jobs are for language models, and would start four more processes.
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=_keep, args=(self._process.stdout, self._tail), daemon=True)
        self._reader.start()

    def _answers_unless_taken(self) -> bool:
        """Wait for its answer. False if somebody took the free port between our look at it and MLflow's."""
        try:
            self._wait_until_it_answers()
        except TrackingError:
            self._reader.join(_STOP_SECONDS)
            if self._may_move and any(_TAKEN in line.lower() for line in self._tail):
                return False
            raise
        return True

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + START_SECONDS
        while not answers(self.address):
            if self._process.poll() is not None:
                raise TrackingError(self._ended())
            if time.monotonic() > end:
                raise TrackingError(f"MLflow does not answer at {self.address} after {START_SECONDS:.0f} s; try again")
            time.sleep(0.2)

    def _ended(self) -> str:
        code, tail = self._process.returncode, [line for line in self._tail if line.strip()]
        tail = [line for line in tail if _TAKEN in line.lower()] or tail  # Its last lines say nothing of that.
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return f"MLflow {how}{': ' + tail[-1].strip() if tail else ''}"


def _keep(lines: Iterable[str], tail: deque[str]) -> None:
    for line in lines:
        tail.append(redact(line))


def _free_port(host: str, port: int) -> int:
    """Find a free port. A TrackingError if it is taken: MLflow itself would fail late, with a long message."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
            return int(trial.getsockname()[1])
    except OSError as error:
        raise TrackingError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another with --port, 0 takes a free one"
        ) from error
