"""The spool: every entry lies here as a file from the moment it is logged until the tracking server has taken it."""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

from filelock import FileLock, Timeout

from mqn.errors import TrackingError
from mqn.net.database_urls import sqlite_file
from mqn.parsing import write_json
from mqn.text.redaction import quiet_logger, redact_url
from mqn.track.entries import RunEntry

_log = quiet_logger(__name__)

# A server's queue begins with what no study's folder can begin with.
_QUEUE_MARK = "@"
_SERVER_FILE = "server.txt"
_FILES = "files"


def server_queue(root: Path, uri: str) -> Path:
    """The folder of one server's queue; no other server gets it. A password that changes leaves it the same."""
    file = sqlite_file(uri)
    # A relative path is another database in another folder.
    named = redact_url(uri).rstrip("/") if file is None else f"sqlite:///{file}"
    return root / f"{_QUEUE_MARK}{hashlib.sha256(named.encode()).hexdigest()[:16]}"


class Spool:
    """One server's entries in the order in which they were logged: one folder a study, one file an entry.

    An entry that waits is `ID.json`. One that the server refused is `ID.refused`. One whose run is logged, but whose
    files could not be stored yet, is `ID.files`. Several processes may share a spool: `sending` lets one of them at a
    time empty a study's folder.
    """

    def __init__(self, root: Path, uri: str) -> None:
        """Use a server's queue, which is made if absent.

        Args:
            root: the folder of all queues.
            uri: the server's address.

        Raises:
            TrackingError: the folder cannot be used.
        """
        self.folder = server_queue(root, uri)
        self._count = itertools.count()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / _SERVER_FILE).write_text(redact_url(uri) + "\n", encoding="utf-8")
        except OSError as error:
            raise TrackingError(f"cannot make the spool {self.folder}: {error.strerror}") from error
        if older := [path.parent.name for folder in _study_folders(root) for path in folder.glob("[0-9]*")]:
            _log.warning("entries of a version before 0.1.0 in %s: %d; to send them", root, len(older))
            _log.warning("move its folders %s to %s, then mqn track resend", sorted(set(older)), self.folder)

    def new_id(self, trial: int | None = None) -> str:
        """An id for the next entry; later ids sort behind earlier ones, and end alike where the run is the same."""
        run = "study" if trial is None else f"t{trial}"
        return f"{time.time_ns():020d}-{os.getpid()}-{next(self._count):06d}-{run}"

    def add(self, entry: RunEntry) -> None:
        """Keep an entry until it is sent; a TrackingError where it cannot be written."""
        folder = self.study_folder(entry.study)
        try:
            folder.mkdir(exist_ok=True)
            write_json(folder / f"{entry.id}.json", entry)
        except OSError as error:
            raise TrackingError(f"cannot write to the spool {folder}: {error.strerror}") from error

    def studies(self) -> list[Path]:
        """The folders of studies, for `sending` and `waiting`."""
        return _study_folders(self.folder)

    def study_folder(self, study: str) -> Path:
        """The folder of a study's entries; it may be absent."""
        return study_folder(self.folder, study)

    def place(self, study: str) -> Path:
        """A folder for files that are made for a study's run alone, made if absent. No name in it is an entry's."""
        folder = self.study_folder(study) / _FILES
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrackingError(f"cannot make {folder}: {error.strerror}") from error
        return folder

    def trials(self, study: str) -> frozenset[int]:
        """The numbers of the trials of which something waits or was refused."""
        words = (path.stem.rpartition("-t")[2] for path in self.study_folder(study).glob("[0-9]*-t*"))
        return frozenset(int(word) for word in words if word.isdecimal())

    @staticmethod
    def waiting(folder: Path) -> list[Path]:
        """A study's entries that are not sent, oldest first."""
        return sorted(folder.glob("[0-9]*.json"))

    @staticmethod
    def fileless(folder: Path) -> list[Path]:
        """A study's entries whose runs are logged and whose files are not stored, oldest first."""
        return sorted(folder.glob("[0-9]*.files"))

    @staticmethod
    def refused(folder: Path) -> list[Path]:
        """A study's entries that the server understood and did not take."""
        return sorted(folder.glob("*.refused"))

    @staticmethod
    def refuse(path: Path) -> None:
        """Put an entry aside, so that it does not hold up those behind it."""
        path.replace(path.with_suffix(".refused"))

    @staticmethod
    def keep_files(path: Path, entry: RunEntry) -> None:
        """Of an entry that is sent, keep those artifacts that are not stored."""
        write_json(path.with_suffix(".files"), entry)
        if path.suffix != ".files":
            path.unlink(missing_ok=True)

    @staticmethod
    def take_back(folder: Path) -> None:
        """Have a study's refused entries wait again: what they were refused for may have been mended."""
        for path in folder.glob("*.refused"):
            path.replace(path.with_suffix(".json"))

    @contextmanager
    def sending(self, folder: Path) -> Iterator[bool]:
        """Hold a study's folder while its entries are sent; False where another process is sending it just now."""
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


def other_queues(root: Path, uri: str) -> dict[str, int]:
    """What waits for other servers: address without password to the number of entries, none of them 0."""
    found = {}
    for folder in sorted(root.glob(f"{_QUEUE_MARK}*")):
        entries = [path for path in folder.glob("*/[0-9]*") if path.suffix in (".json", ".refused", ".files")]
        named = folder / _SERVER_FILE
        if entries and folder != server_queue(root, uri):
            found[named.read_text(encoding="utf-8").strip() if named.is_file() else folder.name] = len(entries)
    return found


def study_folder(queue: Path, study: str) -> Path:
    """The folder of a study's entries in a server's queue; both may be absent."""
    # A leading dot would hide the folder, and `..` would leave the spool.
    return queue / quote(study, safe=" ").replace(".", "%2E")


def study_name(folder: Path) -> str:
    """The study whose entries lie in a folder."""
    return unquote(folder.name)


def _study_folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((_QUEUE_MARK, ".")))
