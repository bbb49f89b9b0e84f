"""Private folders for sockets. A socket's path may have 107 bytes at most, however long TMPDIR is."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mqn.errors import ClusterError, DeviceError, MqnError

LONGEST_FOLDER = 40
"""Bytes of a folder's name, which leaves 67 for what programs put inside it."""

_MADE = "mqn-12345678"
_LOCK, _INSIDE = "lock", "r"
_held: dict[Path, int] = {}
"""Locks of folders that this process has made for Ray."""


def make_folder(variables: Sequence[str], kind: type[MqnError], use: str) -> Path:
    """Make a folder, of mode 0700, whose path is short enough for sockets. The caller removes it.

    Args:
        variables: of the environment; they name folders for temporary files. The first that will do is taken, then /tmp
            and its like.
        kind: of the error.
        use: whose sockets these are, for the error.

    Raises:
        MqnError: of that kind: there is no such folder; names the variables and the remedy.
    """
    named = {name: os.environ.get(name, "") for name in variables}
    for parent in (*named.values(), "/tmp", "/var/tmp", "/dev/shm"):  # noqa: S108 - the folder itself is private
        if not parent or len(os.fsencode(parent)) + len(f"/{_MADE}") > LONGEST_FOLDER:
            continue
        with contextlib.suppress(OSError):
            return Path(tempfile.mkdtemp(prefix="mqn-", dir=parent))
    given = ", ".join(f"{name}={value}" for name, value in named.items() if value) or f"{variables[0]} is not set"
    raise kind(
        f"no folder for {use}'s sockets: {given}, and /tmp cannot be written; a name of at most "
        f"{LONGEST_FOLDER - len(f'/{_MADE}')} bytes is needed: set {variables[0]} to such a folder"
    )


def for_ray() -> Path:
    """A folder for Ray; those that killed processes left are removed.

    Ray opens its folder to everybody: it gets one inside a private one.

    Raises:
        ClusterError: there is none.
    """
    folder = make_folder(("RAY_TMPDIR", "TMPDIR", "XDG_RUNTIME_DIR"), ClusterError, "Ray")
    descriptor = os.open(folder / f".{_LOCK}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    (folder / f".{_LOCK}").rename(folder / _LOCK)  # Only a locked one has the name that is looked for.
    inside = folder / _INSIDE
    inside.mkdir()
    _held[inside] = descriptor
    for left in folder.parent.glob("mqn-????????"):
        if left != folder:
            _sweep(left)
    return inside


def leave(inside: Path) -> None:
    """Remove a folder that `for_ray` made."""
    shutil.rmtree(inside.parent, ignore_errors=True)
    if inside in _held:
        os.close(_held.pop(inside))


def _sweep(folder: Path) -> None:
    """Remove the folders that killed processes left, known by their free locks. Folders with other content stay."""
    with contextlib.suppress(OSError):
        if folder.is_symlink() or {path.name for path in folder.iterdir()} - {_LOCK, _INSIDE}:
            return
        descriptor = os.open(folder / _LOCK, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if os.fstat(descriptor).st_uid == os.geteuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)


def for_ssh() -> Path:
    """A folder for the connection that ssh keeps; raises `DeviceError` if there is none."""
    return make_folder(("TMPDIR", "XDG_RUNTIME_DIR"), DeviceError, "ssh")
