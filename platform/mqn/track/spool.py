"""The spool: every entry lies here as a file from the moment it is logged until the tracking server has taken it."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from mqn.errors import TrackingError
from mqn.parsing import read_json, write_json
from mqn.track.entries import RunEntry


class Spool:
    """Entries in the order in which they were logged, one folder a study, one file an entry.

    Several processes may share a spool: `sending` lets one of them at a time empty a study's folder.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder.

        Args:
            folder: where entries are kept; made if absent.

        Raises:
            TrackingError: it cannot be made.
        """
        self._folder = folder
        self._count = itertools.count()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrackingError(f"cannot make the spool {folder}: {error.strerror}") from error

    def new_id(self) -> str:
        """An id for the next entry; later ids sort behind earlier ones."""
        return f"{time.time_ns():020d}-{os.getpid()}-{next(self._count):06d}"

    def add(self, entry: RunEntry) -> None:
        """Keep an entry until it is sent.

        Raises:
            TrackingError: it cannot be written.
        """
        folder = self._folder / _folder_name(entry.study)
        try:
            folder.mkdir(exist_ok=True)
            write_json(folder / f"{entry.id}.json", entry)
        except OSError as error:
            raise TrackingError(f"cannot write to the spool {folder}: {error.strerror}") from error

    def studies(self) -> list[Path]:
        """The folders of studies, for `sending` and `waiting`."""
        return sorted(path for path in self._folder.iterdir() if path.is_dir())

    @staticmethod
    def waiting(folder: Path) -> list[Path]:
        """A study's entries that are not sent, oldest first."""
        return sorted(folder.glob("[0-9]*.json"))

    @property
    def left(self) -> int:
        """How many entries wait, of all studies."""
        return sum(len(self.waiting(folder)) for folder in self.studies())

    @property
    def refused(self) -> list[Path]:
        """Entries that the server understood and will never take, kept for a person to look at."""
        return sorted(self._folder.glob("*/*.refused"))

    @staticmethod
    def read(path: Path) -> RunEntry:
        """Read an entry back.

        Raises:
            ConfigError: it is not one.
        """
        return read_json(RunEntry, path)

    @staticmethod
    def remove(path: Path) -> None:
        """Forget an entry that is sent."""
        path.unlink(missing_ok=True)

    @staticmethod
    def refuse(path: Path) -> None:
        """Put an entry aside, so that it does not hold up those behind it."""
        path.replace(path.with_suffix(".refused"))

    @contextmanager
    def sending(self, folder: Path) -> Iterator[bool]:
        """Hold a study's folder while its entries are sent.

        Yields:
            Whether it is ours; False where another process is sending it just now.
        """
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def _folder_name(study: str) -> str:
    # A leading dot would hide the folder, and `..` would leave the spool.
    return quote(study, safe=" ").replace(".", "%2E")
