"""Who drives a study: rows beside Optuna's tables, one a driver, one a trial that a driver holds.

A study has seats, and a driver takes one; for now there is one seat, so that a study has one driver at a time. Times
are the database's own, and `beat` counts signs of life: hosts' clocks are never compared.
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
import sqlalchemy.exc
from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, String, Table, UniqueConstraint, select
from sqlalchemy.engine import Connection, Engine

LEASE_SECONDS = 30.0
"""A driver that gave no sign of life for so long is taken for dead, and its trials may be taken up."""

_TABLES = MetaData()
_PROCESSES = "/proc/self/ns/pid"

DRIVERS = Table(
    "mqn_drivers",
    _TABLES,
    Column("id", String(32), primary_key=True),
    Column("study", String(512), nullable=False),
    Column("seat", Integer, nullable=False),
    Column("host", String(255), nullable=False),
    Column("process", Integer, nullable=False),
    Column("machine", String(255), nullable=False),
    Column("started", String(64), nullable=False),
    Column("since", Float, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("beaten", Float, nullable=False),
    UniqueConstraint("study", "seat"),
)
HOLDS = Table(
    "mqn_holds",
    _TABLES,
    Column("trial", Integer, primary_key=True, autoincrement=False),
    Column("study", String(512), nullable=False),
    Column("driver", String(32), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A driver as its row tells.

    Attributes:
        id: its own, of this run alone.
        host: the machine's name.
        process: its number there.
        machine: tells machines, and process numbers' name spaces on them, apart; empty where that is not known.
        started: tells two processes apart that had the same number.
        since: seconds since 1970 by the database's clock when it took its seat.
        beat: signs of life so far.
        silent_seconds: time since the last one, by the database's clock.
    """

    id: str
    host: str
    process: int
    machine: str
    started: str
    since: float
    beat: int
    silent_seconds: float

    @property
    def shown(self) -> str:
        """Who it is, for people."""
        return f"process {self.process} on {self.host}"

    @property
    def since_text(self) -> str:
        """When it took its seat: UTC, ISO 8601, to the second."""
        return datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds")

    def dead(self) -> bool | None:
        """Whether its process is gone; None where this machine cannot know."""
        if not self.machine or self.machine != this_machine():
            return None
        return process_mark(self.process) != self.started

    def stopped(self) -> bool:
        """Whether its process, which lives on this machine, is stopped: it may never go on."""
        try:
            return psutil.Process(self.process).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
        except psutil.Error:
            return False

    @property
    def alive(self) -> bool:
        """Whether it is at work, as well as one can tell at once: by its process, else by its last sign of life."""
        dead = self.dead()
        return self.silent_seconds < LEASE_SECONDS if dead is None else not dead


def make_tables(engine: Engine) -> None:
    """Make the tables where there are none."""
    try:
        _TABLES.create_all(engine)
    except sqlalchemy.exc.SQLAlchemyError as error:
        if "already exists" not in str(error):
            raise
        _TABLES.create_all(engine)  # Another driver was making them at the same time.


def read_drivers(connection: Connection, study: str) -> list[Driver]:
    """Every driver that has a seat at a study, alive or not; none where no driver has made the tables yet."""
    if not sqlalchemy.inspect(connection).has_table(DRIVERS.name):
        return []
    columns = [DRIVERS.c[name] for name in ("id", "host", "process", "machine", "started", "since", "beat")]
    silent = (now(connection) - DRIVERS.c.beaten).label("silent_seconds")
    rows = connection.execute(select(*columns, silent).where(DRIVERS.c.study == study).order_by(DRIVERS.c.seat))
    return [Driver(**{**row._mapping, "silent_seconds": float(row.silent_seconds)}) for row in rows]  # noqa: SLF001


def held_trials(connection: Connection, drivers: Iterable[Driver]) -> frozenset[int]:
    """Optuna's ids of the trials that some drivers hold."""
    ids = [driver.id for driver in drivers]
    return (
        frozenset(connection.execute(select(HOLDS.c.trial).where(HOLDS.c.driver.in_(ids))).scalars())
        if ids
        else (frozenset())
    )


def now(connection: Connection) -> Any:
    """The database's clock as an SQL expression: seconds since 1970."""
    name = connection.dialect.name
    if name == "sqlite":
        return sqlalchemy.literal_column("((julianday('now') - 2440587.5) * 86400.0)", Float)
    if name in ("mysql", "mariadb"):
        return sqlalchemy.literal_column("unix_timestamp(now(6))", Float)
    return sqlalchemy.literal_column("cast(extract(epoch from clock_timestamp()) as double precision)", Float)


@functools.cache
def this_machine() -> str:
    """What tells this machine, and the name space of process numbers in it, from others; empty where nothing does."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def process_mark(process: int) -> str:
    """What tells a process from a later one with its number; empty where there is no such process."""
    try:
        found = psutil.Process(process)
        return "" if found.status() == psutil.STATUS_ZOMBIE else f"{found.create_time():.2f}"
    except psutil.Error:
        return ""


def own_row(driver: str, study: str, seat: int) -> dict[str, Any]:
    """What a driver's row says of this process; the times are added by the database."""
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
