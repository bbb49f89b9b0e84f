"""An MLflow tracking server of a test's own: on loopback, stopped and started at will, keeping what it has."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.support.rigs.server import Server
from tests.support.rigs.waiting import free_port


class Mlflow(Server):
    """A server. Its database is a SQLite file.

    Attributes:
        url: `http://HOST:PORT`, for `tracking_uri` in a profile.
    """

    kind = "MLflow"

    def __init__(self, host: str = "127.0.0.1", *, database: Path | None = None, places: Sequence[str] = ()) -> None:
        """Say where it listens, and what it has.

        Args:
            host: an address of this machine.
            database: begin with a copy of it: MLflow takes seconds to make its tables.
            places: options on where files go; none: into the folder `artifacts` of its own, by way of the server.
        """
        self._host, self.port = host, free_port(host)
        self._begins_with, self._places = database, list(places)
        self.url = f"http://{host}:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        if self._begins_with is not None and not (self.folder / "mlflow.db").exists():
            shutil.copy(self._begins_with, self.folder / "mlflow.db")
        command = [sys.executable, "-m", "mlflow", "server", "--host", self._host, "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{self.folder / 'mlflow.db'}", "--workers", "1"]
        command += self._places or ["--artifacts-destination", str(self.folder / "artifacts")]
        jobless = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # four processes less
        self._launch(command, env=jobless, start_new_session=True)

    def stop(self) -> None:
        """Kill it and its workers."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(urllib.request.urlopen(f"{self.url}/health", timeout=2).status == 200)
        return False
