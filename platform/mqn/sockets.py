"""Private folders for sockets: their whole names have 107 bytes at most, however long a TMPDIR is."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mqn.errors import ClusterError, DeviceError, MqnError

LONGEST_FOLDER = 40
"""Bytes of a folder's name, which leaves 67 for what programs put inside it."""

_MADE = "mqn-12345678"


def make_folder(variables: Sequence[str], kind: type[MqnError], use: str) -> Path:
    """Make a folder that nobody else can enter, where its name is short enough.

    Args:
        variables: of the environment, that name folders for temporary files; the first that will do is taken, then /tmp
            and its like.
        kind: of the error.
        use: whose sockets these are, for the error.

    Returns:
        The folder, of mode 0700; the caller removes it.

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
    """A folder for Ray.

    Raises:
        ClusterError: there is none.
    """
    return make_folder(("RAY_TMPDIR", "TMPDIR", "XDG_RUNTIME_DIR"), ClusterError, "Ray")


def for_ssh() -> Path:
    """A folder for the connection that ssh keeps.

    Raises:
        DeviceError: there is none.
    """
    return make_folder(("TMPDIR", "XDG_RUNTIME_DIR"), DeviceError, "ssh")
