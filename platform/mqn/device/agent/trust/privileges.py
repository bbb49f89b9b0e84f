"""Giving up root's privileges."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

from mqn.errors import UsageError


def become(user: str, folder: Path) -> None:
    """Give the agent's folder to a user and go on as that user, for good.

    Raises:
        UsageError: there is no such user, or we may not become one.
    """
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise UsageError(f"no user {user!r} on this machine; make one with: useradd --system {user}") from None
    if entry.pw_uid == 0:
        raise UsageError(f"user {user!r} is root again; choose one who may do less")
    if os.geteuid() == entry.pw_uid:
        return
    try:
        os.chown(folder, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
        # By descriptors: a link that took a folder's place meanwhile is not followed.
        for _, folders, files, descriptor in os.fwalk(folder):
            for name in (*folders, *files):
                os.chown(name, entry.pw_uid, entry.pw_gid, dir_fd=descriptor, follow_symlinks=False)
        # In this order: only root can change groups.
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    except PermissionError as error:
        raise UsageError(f"cannot become {user!r}: {error.strerror}; only root can") from error
    assert os.geteuid() == entry.pw_uid
    os.environ.update(HOME=entry.pw_dir, USER=user, LOGNAME=user)


def check_python(user: str) -> None:
    """Make sure that passes, each a process of its own, can be started as the user that we have become.

    Raises:
        UsageError: this Python, or something that it imports, lies where that user may not read: in root's home.
    """
    command = [sys.executable, "-P", "-c", "import mqn.device.bench"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        failed = done.returncode != 0
    except OSError:
        failed = True
    if failed:
        raise UsageError(
            f"user {user!r} cannot run {sys.executable} or read what it imports; install mqn where every user can "
            "read it, for example in a virtual environment under /opt made by /usr/bin/python3"
        )
