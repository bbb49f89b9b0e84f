"""A full disk, told apart from every other failure."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from mqn.device.agent.refusals import FullDiskError

# What a job may need beside its models: its request and result, some thousand samples, the queue's own record.
RESERVE_BYTES = 4_000_000

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def room_needed(what: str) -> Iterator[None]:
    """Turn every way in which a full disk shows itself into one refusal.

    Args:
        what: needs the room, for the line.

    Raises:
        FullDiskError: the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise FullDiskError(_line(what)) from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        raise FullDiskError(_line(what)) from error


def free_bytes(folder: Path) -> int:
    """What the file system of a folder still has for us."""
    return shutil.disk_usage(folder).free


def check_room(folder: Path, what: str, wanted_bytes: int = RESERVE_BYTES) -> None:
    """Make sure that there is some room before work begins that needs it.

    Raises:
        FullDiskError: there is less.
    """
    if free_bytes(folder) < wanted_bytes:
        raise FullDiskError(_line(what))


def _line(what: str) -> str:
    return f"the agent's disk is full: no room for {what}; make room there, or lower its quota_bytes"
