"""The agent's folder: used by one agent at a time; a temporary one is removed at the end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mqn.errors import UsageError
from mqn.home import home

LOCK_FILE = "agent.lock"
TEMPORARY = "loopback-"
STALE_SECONDS = 60.0


@contextlib.contextmanager
def keep_folder(folder: Path | None) -> Iterator[Path]:
    """Have a folder alone: one that is made if absent, or a temporary one below `$MQN_HOME/agent`.

    Raises:
        UsageError: it cannot be made, or another agent works in it.
    """
    if folder is not None:
        with contextlib.ExitStack() as stack:
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                stack.enter_context(_locked(folder))
            except OSError as error:
                raise UsageError(f"cannot use {error.filename or folder}: {error.strerror}; choose --folder") from error
            yield folder
        return
    parent = home() / "agent"
    parent.mkdir(exist_ok=True)
    _remove_stale(parent)
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=parent) as name, _locked(Path(name)):
        yield Path(name)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another agent works in {folder}; stop it, or choose another --folder") from None
        yield
    finally:
        os.close(descriptor)


def _remove_stale(parent: Path) -> None:
    """Remove what agents left that were killed; a young folder may be one whose agent is just beginning."""
    for path in parent.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(FileNotFoundError, UsageError):
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                with _locked(path):
                    shutil.rmtree(path, ignore_errors=True)
