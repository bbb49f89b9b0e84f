"""A full disk, recognised among other failures."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from mqn.device.agent.queue.refusals import FullDiskError

# What a job may need beside its models: request, result, some thousand samples, its row in the database.
RESERVE_BYTES = 4_000_000

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def room_needed(what: str) -> Iterator[None]:
    """Turn every error of a full disk into a `FullDiskError`. Its message says that `what` needs the room."""
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
    """The free bytes of a folder's file system."""
    return shutil.disk_usage(folder).free


def check_room(folder: Path, what: str, wanted_bytes: int = RESERVE_BYTES) -> None:
    """Make sure that there is room before work begins. A `FullDiskError` if there is not."""
    if free_bytes(folder) < wanted_bytes:
        raise FullDiskError(_line(what))


def _line(what: str) -> str:
    return f"the agent's disk is full: no room for {what}; make room there, or lower its quota_bytes"
