"""MLflow's pages on a database of ours: one process, waited for, its passwords in its environment alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from mqn import telemetry
from mqn.errors import TrackingError
from mqn.redaction import redact
from mqn.track.connection import answers, database_folder

START_SECONDS = 180.0
_STOP_SECONDS = 15.0
_TAIL_LINES = 40


class PagesServer:
    """MLflow's server. Use it as a context manager: it answers inside, and is gone behind."""

    def __init__(self, uri: str, host: str, port: int, folder: Path) -> None:
        """Start it.

        Args:
            uri: the database that runs are logged to.
            host: address to listen on.
            port: likewise; 0 takes a free one.
            folder: the current folder of the server.

        Raises:
            TrackingError: the address cannot be listened on.
        """
        self._port = _free_port(host, port)
        self._host = host
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        command = [sys.executable, "-P", "-m", "mlflow", "server", "--workers", "1"]
        command += ["--host", host, "--port", str(self._port)]
        place = (database_folder(uri) or folder) / "mlartifacts"
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            # Whoever lists processes sees arguments, and not the environment.
            env={
                **os.environ,
                **telemetry.ENVIRONMENT,
                "MLFLOW_BACKEND_STORE_URI": uri,
                "MLFLOW_ARTIFACTS_DESTINATION": str(place),
                # Its jobs are about language models; they would be four processes more.
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._host, self._host)  # noqa: S104 - only compared
        return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{self._port}"

    def wait(self) -> None:
        """Wait until it ends.

        Raises:
            TrackingError: it ended by itself.
        """
        self._process.wait()
        raise TrackingError(self._ended())

    def stop(self) -> None:
        """End it with all that it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                os.killpg(self._process.pid, number)
                try:
                    self._process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    continue

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
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return f"MLflow {how}{': ' + tail[-1].strip() if tail else ''}"

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._tail.append(redact(line))


def _free_port(host: str, port: int) -> int:
    """The port, when nobody has it; MLflow would tell so late and at length.

    Raises:
        TrackingError: it is taken, or the host is none of this machine's.
    """
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
