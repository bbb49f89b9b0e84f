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
from mqn.parsing import read_json, write_json
from mqn.redaction import quiet_logger, redact_url
from mqn.track.connection import database_file
from mqn.track.entries import RunEntry

_log = quiet_logger(__name__)

# A server's queue begins with what no study's folder can begin with.
_QUEUE_MARK = "@"
SERVER_FILE = "server.txt"


def server_queue(root: Path, uri: str) -> Path:
    """The folder of one server's queue: what is meant for one server is never sent to another.

    Args:
        root: the folder of all queues.
        uri: the server's address. A password that changes leaves the queue the same.
    """
    file = database_file(uri)
    # A relative path is another database in another folder.
    named = redact_url(uri).rstrip("/") if file is None else f"sqlite:///{file}"
    return root / f"{_QUEUE_MARK}{hashlib.sha256(named.encode()).hexdigest()[:16]}"


class Spool:
    """One server's entries in the order in which they were logged: one folder a study, one file an entry.

    An entry that waits is `ID.json`; one that the server refused `ID.refused`; one whose run is logged and whose files
    could not be stored yet `ID.files`. Several processes may share a spool: `sending` lets one of them at a time empty
    a study's folder.
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

    @classmethod
    def of_server(cls, root: Path, uri: str) -> Spool:
        """The queue of one server; what an older version left for whatever server comes next is taken over.

        Args:
            root: the folder of all queues; made if absent.
            uri: the server's address.

        Raises:
            TrackingError: the folder cannot be made.
        """
        spool = cls(server_queue(root, uri))
        try:
            (spool.folder / SERVER_FILE).write_text(redact_url(uri) + "\n", encoding="utf-8")
            adopted = spool.adopt(root)
        except OSError as error:
            raise TrackingError(f"cannot write to the spool {spool.folder}: {error.strerror}") from error
        if adopted:
            _log.warning("%d entries that an earlier version left in %s are sent to %s", adopted, root, uri)
        return spool

    @property
    def folder(self) -> Path:
        """Where the entries lie."""
        return self._folder

    def new_id(self, trial: int | None = None) -> str:
        """An id for the next entry; later ids sort behind earlier ones, and end alike where the run is the same."""
        run = "study" if trial is None else f"t{trial}"
        return f"{time.time_ns():020d}-{os.getpid()}-{next(self._count):06d}-{run}"

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

    def adopt(self, root: Path) -> int:
        """Take over the entries of an older version, which kept one queue for whatever server came next.

        Args:
            root: the folder of all queues.

        Returns:
            How many there were.
        """
        found = 0
        for folder in _study_folders(root):
            with self.sending(folder) as ours:
                if not ours:
                    continue
                target = self._folder / folder.name
                target.mkdir(exist_ok=True)
                for path in sorted([*folder.glob("*.json"), *folder.glob("*.refused")]):
                    path.replace(target / path.name)
                    found += 1
                (folder / ".lock").unlink(missing_ok=True)
            if not any(folder.iterdir()):
                folder.rmdir()
        return found

    def studies(self) -> list[Path]:
        """The folders of studies, for `sending` and `waiting`."""
        return _study_folders(self._folder)

    def study_folder(self, study: str) -> Path:
        """The folder of a study's entries; it may be absent."""
        return self._folder / _folder_name(study)

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

    @staticmethod
    def keep_files(path: Path, entry: RunEntry) -> None:
        """Of an entry that is sent, keep the files that are not stored.

        Args:
            path: the entry's file.
            entry: the same entry with those artifacts alone.
        """
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


def other_queues(root: Path, uri: str) -> dict[str, int]:
    """What waits for other servers.

    Args:
        root: the folder of all queues.
        uri: the server that is not meant.

    Returns:
        Server's address without password to the number of its entries, none of them 0.
    """
    found = {}
    for folder in sorted(root.glob(f"{_QUEUE_MARK}*")):
        entries = [path for path in folder.glob("*/[0-9]*") if path.suffix in (".json", ".refused", ".files")]
        named = folder / SERVER_FILE
        if entries and folder != server_queue(root, uri):
            found[named.read_text(encoding="utf-8").strip() if named.is_file() else folder.name] = len(entries)
    return found


def study_name(folder: Path) -> str:
    """The study whose entries lie in a folder."""
    return unquote(folder.name)


def _study_folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((_QUEUE_MARK, ".")))


def _folder_name(study: str) -> str:
    # A leading dot would hide the folder, and `..` would leave the spool.
    return quote(study, safe=" ").replace(".", "%2E")
