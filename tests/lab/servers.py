"""A database and a tracking server of the lab's own on loopback, to be stopped and started again."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

START_SECONDS = 120.0


class Sqlite:
    """A database file whose folder goes away and comes back."""

    kind = "SQLite"

    def __init__(self, folder: Path) -> None:
        """Make the folder."""
        self._folder = folder
        folder.mkdir(parents=True)
        self.url = f"sqlite:///{folder / 'study.db'}"

    def stop(self) -> None:
        """Make it unreachable."""
        self._folder.rename(self._folder.with_suffix(".away"))

    def start(self) -> None:
        """Let it be there again."""
        self._folder.with_suffix(".away").rename(self._folder)

    def close(self) -> None:
        """Nothing runs."""


class Postgres:
    """A PostgreSQL server, run by a user without rights where this is root: it refuses to be root's."""

    kind = "PostgreSQL"

    def __init__(self, folder: Path) -> None:
        """Make a cluster and start it.

        Raises:
            OSError: PostgreSQL is not installed.
            subprocess.CalledProcessError: it does not start.
        """
        found = shutil.which("initdb")
        if found is None:
            raise FileNotFoundError("initdb")
        self._bin, self._folder, self._port = Path(found).resolve().parent, folder, free_port()
        self._user = "postgres" if _exists("postgres") else "nobody"
        folder.mkdir(parents=True)
        if os.geteuid() == 0:
            shutil.chown(folder, self._user)
        self._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "mqn", "--no-sync")
        self.start()
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", "mqn", "mqn")
        self.url = f"postgresql+psycopg://mqn@127.0.0.1:{self._port}/mqn"

    def stop(self) -> None:
        """Kill it, as a machine that fails does."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        log = str(self._folder / "server.log")
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-l", log, "-o", options, "-w", "start")

    def close(self) -> None:
        """Stop it for good."""
        with contextlib.suppress(subprocess.SubprocessError):
            self.stop()

    def _run(self, program: str, *words: str) -> None:
        as_user = ["setpriv", f"--reuid={self._user}", "--clear-groups"] if os.geteuid() == 0 else []
        command = [*as_user, str(self._bin / program), *words]
        quiet = subprocess.DEVNULL
        subprocess.run(
            command, check=True, stdout=quiet, stderr=quiet, stdin=quiet, timeout=START_SECONDS, cwd=self._folder
        )


class Mlflow:
    """MLflow's tracking server."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        self._folder, self._port = folder, free_port()
        folder.mkdir(parents=True)
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port)]
        command += ["--backend-store-uri", f"sqlite:///{self._folder / 'mlflow.db'}", "--workers", "1"]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        await_(self._answers, START_SECONDS, "MLflow")

    def stop(self) -> None:
        """Kill it and its workers."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, 9)
        self._process.wait()

    def close(self) -> None:
        """Stop it for good."""
        self.stop()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(urllib.request.urlopen(f"{self.url}/health", timeout=2).status == 200)
        return False


def open_database(folder: Path) -> Postgres | Sqlite:
    """PostgreSQL where it is installed, with a driver; else SQLite."""
    try:
        import psycopg  # noqa: F401

        return Postgres(folder / "postgres")
    except (ImportError, OSError, subprocess.SubprocessError):
        return Sqlite(folder / "sqlite")


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something.

    Raises:
        TimeoutError: in vain.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.2)


def _exists(user: str) -> bool:
    with contextlib.suppress(KeyError):
        pwd.getpwnam(user)
        return True
    return False
