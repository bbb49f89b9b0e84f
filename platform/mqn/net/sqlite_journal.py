"""How an SQLite database keeps its changes: with a write-ahead log, so that a transaction need not wait for the disk.

With it a killed process loses nothing, and readers never wait for writers. A power cut loses at most what was written
after the latest transaction that waited for the disk (`begin_writing`), as those with trials' records do; the file
stays whole.
A database on a network's file system keeps SQLite's own mode: the log needs memory that its processes share.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy.event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p", "afs")
_MODE, _SYNCHRONOUS = "mqn_journal", "mqn_synchronous"


def keep_log(engine: Engine, file: Path) -> None:
    """Have every connection of an engine use the log, where the file may have one."""
    mode = "DELETE" if on_network(file) else "WAL"

    def ask(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        with contextlib.suppress(sqlite3.OperationalError):  # It cannot be written to, or is in use: it stays as it is.
            cursor.execute(f"PRAGMA journal_mode = {mode}")
        cursor.execute("PRAGMA journal_mode")
        record.info[_MODE] = str(cursor.fetchone()[0]).upper()
        record.info[_SYNCHRONOUS] = _synchronous(record.info[_MODE], durable=False)
        cursor.execute(f"PRAGMA synchronous = {record.info[_SYNCHRONOUS]}")
        cursor.close()

    sqlalchemy.event.listen(engine, "connect", ask)
    engine.dispose()  # Connections that are open already were not asked.


def begin_writing(session: Session, *, durable: bool) -> None:
    """Begin a transaction that writes; others wait. The first statement of a session on SQLite.

    `durable` makes its end wait for the disk, and with it all that was written before.
    """
    connection = session.connection()
    wanted = _synchronous(str(connection.info.get(_MODE, "")), durable=durable)
    if connection.info.get(_SYNCHRONOUS) != wanted:
        connection.exec_driver_sql(f"PRAGMA synchronous = {wanted}")
        connection.info[_SYNCHRONOUS] = wanted
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def on_network(file: Path) -> bool:
    """Whether a file lies on another machine's disk."""
    folder = os.path.realpath(file)
    held = [part for part in psutil.disk_partitions(all=True) if Path(folder).is_relative_to(part.mountpoint)]
    kind = max(held, key=lambda part: len(part.mountpoint)).fstype if held else ""
    return kind.startswith(_NETWORK)


def _synchronous(mode: str, *, durable: bool) -> str:
    return "NORMAL" if mode == "WAL" and not durable else "FULL"
