"""Files of artifacts that were fetched from a URL, on this machine, within a limit.

    <cache>/<stage>/<key>/<generation>/    files, each whole; a measurement that was made again has two generations
    <cache>/<stage>/<key>/<generation>/.use    locked by every process that uses them; its time is that of the last use

Any number of processes share a cache. What was used longest ago goes first, and nothing that is in use.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from mqn.errors import NetworkError
from mqn.files.publishing import disk_faults
from mqn.files.sizes import size_of
from mqn.parsing import file_hash

GRACE_SECONDS = 600.0
"""Nothing goes that was used so recently: a reader has its path, and may not have opened it yet."""

ABANDONED_SECONDS = 24 * 3600.0
"""After so long without a change, what was in the making on this machine is given up here."""

USE, _ROOM = ".use", ".room"
_LOOK_AGAIN_SECONDS = 60.0
_TRIES = 2
GB = 1e9


class Cache:
    """One folder of fetched files; picklable."""

    def __init__(self, folder: Path, limit_gb: float) -> None:
        """Name the folder; it is made when something is fetched."""
        self.folder, self._limit_bytes = folder, limit_gb * GB
        self._held: list[int] | None = None

    def __getstate__(self) -> tuple[Path, float]:
        return self.folder, self._limit_bytes

    def __setstate__(self, state: tuple[Path, float]) -> None:
        self.folder, self._limit_bytes = state
        self._held = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep all that is fetched or looked up within the block from being removed before its end."""
        if self._held is not None:
            yield
            return
        self._held = []
        try:
            yield
        finally:
            for descriptor in self._held:
                os.close(descriptor)
            self._held = None

    def file(self, folder: Path, name: str, sha256: str, size: int | None, get: Callable[[Path], bool]) -> Path:
        """A file in the cache, fetched unless it is there.

        Args:
            folder: of the generation, below the cache's folder.
            name: of the file within it.
            sha256: of its content.
            size: bytes; None where unknown.
            get: fetches it to a path; returns whether there is such a file.

        Raises:
            NetworkError: it is not there, or arrives damaged.
            DiskError: this machine's disk is full.
        """
        with self._used(folder):
            path = folder / name
            if _whole(path, size):
                return path
            path.parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(folder / ".fetching.lock"):
                if not _whole(path, size):
                    self.make_room(size or 0)
                    _fetch(path, sha256, get)
            return path

    def put(self, folder: Path, name: str, path: Path) -> None:
        """Move a file into the cache that was made here."""
        with self._used(folder):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            path.replace(folder / name)

    @contextmanager
    def _used(self, folder: Path) -> Iterator[None]:
        descriptor = _hold(folder)
        try:
            yield
        except BaseException:
            os.close(descriptor)
            raise
        if self._held is None:
            os.close(descriptor)
        else:
            self._held.append(descriptor)

    def make_room(self, size_bytes: int) -> None:
        """Remove what was used longest ago until a file of so many bytes fits below the limit, or all left is in use.

        Looks at most once a minute, unless the file is a large part of the limit.
        """
        stamp = self.folder / _ROOM
        with contextlib.suppress(FileNotFoundError):
            age = time.time() - stamp.stat().st_mtime
            if 0 <= age < _LOOK_AGAIN_SECONDS and size_bytes < self._limit_bytes / 20:
                return
        self.folder.mkdir(parents=True, exist_ok=True)
        stamp.touch()
        self._remove_abandoned()
        sizes = {folder: size_of(folder) for folder in self.generations()}
        excess = sum(sizes.values()) + size_bytes - self._limit_bytes
        for folder in sorted(sizes, key=_last_use):
            if excess <= 0:
                return
            if self.remove(folder):
                excess -= sizes[folder]

    def _remove_abandoned(self) -> None:
        """Remove work that nobody went on with here for a day: another machine has, or nobody will."""
        for folder in self.folder.glob("*/*.partial"):
            lock = filelock.FileLock(folder.with_name(f"{folder.name.removesuffix('.partial')}.lock"), blocking=False)
            with contextlib.suppress(FileNotFoundError, filelock.Timeout):
                changed = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
                if time.time() - changed > ABANDONED_SECONDS:
                    with lock:
                        shutil.rmtree(folder)

    def generations(self) -> list[Path]:
        """Every folder of fetched files."""
        return [path.parent for path in self.folder.glob(f"*/*/*/{USE}")]

    def remove(self, folder: Path) -> bool:
        """Remove a folder of fetched files; False where it is in use, or was a moment ago."""
        try:
            descriptor = os.open(folder / USE, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            if time.time() - os.fstat(descriptor).st_mtime < GRACE_SECONDS:
                return False
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            gone = folder.with_name(f".{folder.name}.{os.getpid()}.gone")
            folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            with contextlib.suppress(OSError):
                folder.parent.rmdir()
        except (BlockingIOError, FileNotFoundError):
            return False
        finally:
            os.close(descriptor)
        return True


def _hold(folder: Path) -> int:
    """Open and lock a folder's mark, so that nobody removes the folder; returns the descriptor."""
    while True:
        with disk_faults(folder):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                descriptor = os.open(folder / USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:  # It was removed this moment.
                continue
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == (folder / USE).stat().st_ino:
                os.utime(descriptor)
                return descriptor
        os.close(descriptor)


def _whole(path: Path, size: int | None) -> bool:
    """Whether a file was fetched: it has its name only since it was whole."""
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        return False
    return size is None or found == size


def _fetch(path: Path, sha256: str, get: Callable[[Path], bool]) -> None:
    partial = path.with_name(f".{path.name}.new")
    try:
        for _ in range(_TRIES):
            with disk_faults(path):
                if not get(partial):
                    raise NetworkError(f"{path.name} of artifact {path.parent.parent.name} is gone from its store")
            if file_hash(partial) == sha256:
                partial.replace(path)
                return
    finally:
        partial.unlink(missing_ok=True)
    raise NetworkError(
        f"{path.name} of artifact {path.parent.parent.name} is damaged in its store (SHA-256 is not {sha256[:12]}); "
        "remove the artifact there, and resume its study to make it again"
    )


def _last_use(folder: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return (folder / USE).stat().st_mtime
    return 0.0
