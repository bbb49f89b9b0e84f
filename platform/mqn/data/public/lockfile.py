"""`fetched.json`: what came from where, and with which checksum, so that a later fetch can tell whether it is the same.

Where a publisher gives no checksum, the first download is trusted and remembered; from then on a file with another
checksum is refused. That catches damage and exchange afterwards, not a file that was wrong from the beginning.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from pathlib import Path

from mqn.errors import ConfigError, FetchError
from mqn.files.json_lines import append_line, read_lines
from mqn.parsing import from_mapping, read_json, to_plain, write_json

LOCK_FILE = "fetched.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """A file as it arrived.

    Attributes:
        name: its path below the dataset's folder; an archive's own name.
        url: where it came from; empty where a person gave it.
        sha256: 64 hexadecimal digits.
        size_bytes: its size.
        unpacked: the folder that an archive was unpacked into; empty for a file that lies there itself.
        etag: its server's mark.
        last_modified: its server's date.
    """

    name: str
    url: str
    sha256: str
    size_bytes: int
    unpacked: str = ""
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The content of `fetched.json`.

    Attributes:
        dataset: its name in the catalogue.
        licence: as the catalogue told at the time.
        complete: whether everything had arrived.
        files: what had.
    """

    dataset: str
    licence: str
    complete: bool
    files: tuple[FetchedFile, ...] = field(default=())


class FetchLog:
    """The records of a fetch under way: appended to a journal one by one, written as `fetched.json` at the end."""

    def __init__(self, folder: Path, journal: Path, dataset: str) -> None:
        """Take up what an earlier fetch has left, in `journal` too if it was killed.

        Raises:
            FetchError: the folder holds another dataset, or a lock file that cannot be read.
        """
        self._path, self._journal = folder / LOCK_FILE, journal
        self._dataset = dataset
        self._guard = threading.Lock()
        self._records: dict[str, FetchedFile] = {}
        self.complete = False
        if self._path.is_file():
            try:
                before = read_json(Fetched, self._path)
            except ConfigError as error:
                raise FetchError(f"{error}; delete it to fetch anew, without its checksums") from error
            if before.dataset != dataset:
                raise FetchError(f"{folder} holds {before.dataset!r}; choose another folder for {dataset!r}: --output")
            self.complete = before.complete
            self._records = {record.name: record for record in before.files}
        with contextlib.suppress(ConfigError):  # What follows a line of another form is fetched again.
            for line in read_lines(journal):
                record = from_mapping(FetchedFile, line, source=str(journal))
                self._records[record.name] = record

    def get(self, name: str) -> FetchedFile | None:
        """What is known of a file."""
        return self._records.get(name)

    @property
    def records(self) -> tuple[FetchedFile, ...]:
        """Everything known, sorted by name."""
        return tuple(self._records[name] for name in sorted(self._records))

    def add(self, record: FetchedFile) -> None:
        """Remember a file; safe from several threads, and against a kill."""
        with self._guard:
            self._records[record.name] = record
            append_line(self._journal, to_plain(record))

    def close(self, *, licence: str, complete: bool) -> None:
        """Write `fetched.json`."""
        write_json(self._path, Fetched(dataset=self._dataset, licence=licence, complete=complete, files=self.records))
        self._journal.unlink(missing_ok=True)
