"""Who drives a study: a row for each driver and for each trial that a driver holds.

Any number of drivers work on a study at a time. Each has a seat of its own: a number that no other driver of the study
has. Its `beat` counts signs of life.
"""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy
from sqlalchemy import select
from sqlalchemy.engine import Connection

from mqn.search.storage.tables import DRIVERS, HOLDS, now

LEASE_SECONDS = 30.0
"""A driver without a sign of life for this long counts as dead. Others may take up its trials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A driver, as its row in the database describes it.

    Attributes:
        id: unique to this run of the driver.
        study: the study that it drives.
        seat: a number that no other driver of the study has; below 0: it needs the study alone.
        host: the machine's name.
        process: its process number there.
        machine: identifies the machine and its process name space; empty: not known.
        started: tells this process from a later one with the same number.
        since: when it took its seat, in seconds since 1970.
        beat: signs of life so far.
        silent_seconds: time since the last sign of life.
    """

    id: str
    study: str
    seat: int
    host: str
    process: int
    machine: str
    started: str
    since: float
    beat: int
    silent_seconds: float

    @property
    def shown(self) -> str:
        """The driver in words: `process 12 on lab1`."""
        return f"process {self.process} on {self.host}"

    @property
    def since_text(self) -> str:
        """When it took its seat: UTC, ISO 8601, to the second."""
        return datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds")

    def dead(self) -> bool | None:
        """Whether its process is gone; None: it runs on another machine, so nobody here knows."""
        if not self.machine or self.machine != this_machine():
            return None
        return process_mark(self.process) != self.started

    def stopped(self) -> bool:
        """Whether its process on this machine is stopped (Ctrl-Z), and may never go on."""
        try:
            return psutil.Process(self.process).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
        except psutil.Error:
            return False

    @property
    def alive(self) -> bool:
        """Whether it is at work: by its process where it runs here, else by its last sign of life."""
        dead = self.dead()
        return self.silent_seconds < LEASE_SECONDS if dead is None else not dead


def read_drivers(connection: Connection, study: str | None = None) -> list[Driver]:
    """Every driver that has a seat at a study, alive or not; None: at any study of the database."""
    if not sqlalchemy.inspect(connection).has_table(DRIVERS.name):
        return []
    columns = [
        DRIVERS.c[name] for name in ("id", "study", "seat", "host", "process", "machine", "started", "since", "beat")
    ]
    silent = (now(connection) - DRIVERS.c.beaten).label("silent_seconds")
    asked = select(*columns, silent).order_by(DRIVERS.c.study, DRIVERS.c.seat)
    rows = connection.execute(asked if study is None else asked.where(DRIVERS.c.study == study))
    return [Driver(**{**row._mapping, "silent_seconds": float(row.silent_seconds)}) for row in rows]  # noqa: SLF001


def read_holds(connection: Connection, drivers: Iterable[Driver]) -> dict[str, frozenset[int]]:
    """Optuna's ids of the trials that some drivers hold, by the driver's id."""
    found: dict[str, set[int]] = {driver.id: set() for driver in drivers}
    if found:
        rows = connection.execute(select(HOLDS.c.driver, HOLDS.c.trial).where(HOLDS.c.driver.in_(found)))
        for driver, trial in rows:
            found[driver].add(trial)
    return {driver: frozenset(trials) for driver, trials in found.items()}


@functools.cache
def this_machine() -> str:
    """An identifier of this machine and its process name space; empty where there is none."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def process_mark(process: int) -> str:
    """A mark that tells a process from a later one with the same number; empty: there is no such process."""
    try:
        found = psutil.Process(process)
        return "" if found.status() == psutil.STATUS_ZOMBIE else f"{found.create_time():.2f}"
    except psutil.Error:
        return ""


def own_row(driver: str, study: str, seat: int) -> dict[str, Any]:
    """The row of a driver in this process, without times, which the database adds."""
    return {
        "id": driver,
        "study": study,
        "seat": seat,
        "host": socket.gethostname()[:255],
        "process": os.getpid(),
        "machine": this_machine(),
        "started": process_mark(os.getpid()),
        "beat": 0,
    }
