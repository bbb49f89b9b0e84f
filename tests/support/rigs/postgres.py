"""A PostgreSQL server of a test's own: on loopback, in a folder of its own, stopped and started at will."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.support.rigs.server import Server
from tests.support.rigs.waiting import free_port

USER = "postgres"


def find_programs() -> Path | None:
    """The folder of PostgreSQL's programs; None where they are not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


def missing() -> str:
    """Why no server can be started here; empty where one can."""
    if find_programs() is None:
        return "needs PostgreSQL (initdb, postgres), which is not installed"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "needs psycopg: pip install 'psycopg[binary]'"
    return ""


class Postgres(Server):
    """A server; runs as the user `postgres` where the test is root, which PostgreSQL refuses to be.

    Attributes:
        url: of its database, for `study_url` in a profile.
    """

    kind = "PostgreSQL"

    def __init__(self, host: str = "127.0.0.1") -> None:
        """Say where: `host` is an address of this machine. Whoever reaches it may come in without a password."""
        programs = find_programs()
        assert programs is not None
        self._programs = programs
        self._user = USER if os.geteuid() == 0 else None
        self._host, self.port = host, free_port(host)
        self.url = f"postgresql://mqn:none@{host}:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        if not (self.folder / "data").exists():
            self._make_data()
        words = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        words += ["-c", f"listen_addresses={self._host}", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        self._launch(words, user=self._user, group=self._user)

    def stop(self) -> None:
        """Stop it at once: every connection is cut."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Stop it as a machine that fails does: nothing is written any more, and the next start has to recover."""
        self._end(signal.SIGQUIT)

    def cut_connections(self) -> int:
        """End every connection but its own, as an administrator or a balancer does; returns how many."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            others = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            row = connection.execute(f"SELECT count(pg_terminate_backend(pid)) {others}").fetchone()
        return 0 if row is None else int(row[0])

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None

    def _make_data(self) -> None:
        if self._user is not None:
            shutil.chown(self.folder, self._user, self._user)
        self._run("initdb", "-D", str(self.folder / "data"), "-A", "trust", "-U", "mqn", "--no-sync")
        with (self.folder / "data" / "pg_hba.conf").open("a") as allowed:
            allowed.write("host all all samenet trust\n")

    def _answers(self) -> bool:
        words = [str(self._programs / "pg_isready"), "-q", "-h", self._host, "-p", str(self.port)]
        return subprocess.run(words, check=False).returncode == 0

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [str(self._programs / program), *words],
            check=True,
            capture_output=True,
            user=self._user,
            group=self._user,
            cwd=self.folder,
        )
