"""A lock for each device: one measurement at a time, also among agents of several users on this machine."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mqn.device.backends.local.isolation import KillSwitch
from mqn.errors import DeviceAwayError, DeviceRefusedError

# A folder that every user may write to. The environment's temporary folder differs between users.
SHARED_FOLDERS = (Path("/run/lock"), Path("/tmp"))  # noqa: S108
_WAITER = "import fcntl, sys; fcntl.flock(int(sys.argv[1]), fcntl.LOCK_EX)"


def lock_path(device_id: str, folder: Path | None = None) -> Path:
    """The file that is locked for a device.

    Args:
        device_id: as the device says who it is.
        folder: where; None: the first of `SHARED_FOLDERS` that every user may write to, the same one for all of them.
    """
    shared = folder or next((path for path in SHARED_FOLDERS if _is_for_everybody(path)), SHARED_FOLDERS[-1])
    return shared / f"mqn-device-{hashlib.sha256(device_id.encode()).hexdigest()[:16]}.lock"


@contextlib.contextmanager
def alone_on(path: Path, switch: KillSwitch) -> Iterator[None]:
    """Hold a device's lock for a block.

    Args:
        path: of the lock (`lock_path`).
        switch: ends the wait from another thread; then the block runs without the lock, and its result means nothing.

    Raises:
        DeviceRefusedError: something else lies there, or no file may be made there.
        DeviceAwayError: the wait broke off by itself.
    """
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _wait(descriptor, switch)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, switch: KillSwitch) -> None:
    # A separate process blocks in the kernel on the descriptor that it shares with us, so that its lock is
    # ours: neither of us wakes up before, which would disturb what the other agent measures, and a switch can end it.
    waiter = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _WAITER, str(descriptor)],
        pass_fds=(descriptor,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    switch.attach(waiter.pid)
    try:
        os.waitid(os.P_PID, waiter.pid, os.WEXITED | os.WNOWAIT)
    finally:
        switch.detach()
        waited = waiter.wait() == 0
    if not waited and not switch.pulled.is_set():
        raise DeviceAwayError("the wait for the device's other agent broke off; is this machine out of memory?")


def _is_for_everybody(folder: Path) -> bool:
    try:
        return bool(folder.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return False


def _open(path: Path) -> int:
    # A lock needs no more than a descriptor for reading. Made and opened in two steps: in a folder like /tmp the kernel
    # refuses to open another's file when asked to make it if absent (fs.protected_regular).
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    for _ in range(10):
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            try:
                descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
            except FileExistsError:
                continue
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise
                raise DeviceRefusedError(f"cannot lock the device: {path}: {error.strerror}; allow it there") from error
            os.fchmod(descriptor, 0o644)
            return descriptor
        except OSError as error:
            raise DeviceRefusedError(f"cannot lock the device: {path}: {error.strerror}; remove that file") from error
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        break
    raise DeviceRefusedError(f"cannot lock the device: {path} is not a plain file; remove it")
