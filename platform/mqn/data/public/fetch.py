"""Fetching a public dataset: download or take in, check, unpack, and write the manifest that preparation reads."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from filelock import FileLock, Timeout

from mqn.data.preparation.sources import MANIFEST
from mqn.data.public import archive, conversion, layout, listing
from mqn.data.public.arrival import WORK, Arrival, names, take_stock, usable
from mqn.data.public.catalogue import PublicDataset, RemoteFile, dataset
from mqn.data.public.downloads import Meter, Progress, download_all
from mqn.data.public.lockfile import LOCK_FILE, FetchedFile, FetchLog
from mqn.data.public.naming import is_packed, part_of, unpacked_name
from mqn.data.public.partial_file import PartialFile, digests
from mqn.data.public.transfer import Arrived, Patience, Transfer, client
from mqn.errors import FetchError, LocalNameError, PictureError
from mqn.files.local_names import inside, is_own, make_own, mark_own, remove_own
from mqn.files.publishing import publish_file
from mqn.home import home
from mqn.parsing import file_hash, read_json, write_json
from mqn.text.redaction import redact_url

_JOURNAL = "journal.jsonl"
_LOCK = "lock"


def default_folder(name: str) -> Path:
    """Where a dataset is fetched to if nothing else is said."""
    return home() / "data" / "public" / name


def is_fetched(name: str, folder: Path | None = None) -> bool:
    """Whether a dataset lies there whole: every file that arrived is still there in its size."""
    folder = folder or default_folder(name)
    if not (folder / LOCK_FILE).is_file() or not (folder / MANIFEST).is_file():
        return False
    try:
        ledger = FetchLog(folder, folder / WORK / _JOURNAL, name)
    except FetchError:
        return False
    return ledger.complete and all(_lies_in(folder, record) for record in ledger.records)


def fetch(
    name: str,
    *,
    source: Path | None = None,
    output: Path | None = None,
    progress: Progress | None = None,
    patience: Patience | None = None,
    workers: int = 4,
) -> Arrival:
    """Fetch a public dataset, going on where an earlier fetch ended.

    Args:
        name: as in the catalogue.
        source: an archive or folder that a person has got (or a table of addresses, for datasets that have one),
            instead of downloading. A folder's files are linked where the disk allows it, else copied.
        output: where to. Default: below `$MQN_HOME`.
        progress: hears of bytes.
        patience: how long to go on when nothing arrives.
        workers: downloads side by side.

    Raises:
        UnknownNameError: there is no such dataset.
        FetchError: it cannot be had, or not whole, or somebody else is fetching it; what has arrived is kept.
        LocalNameError: something that no fetch has made is in the way.
    """
    entry = dataset(name)
    folder = (output or default_folder(name)).absolute()
    if source is None and is_fetched(name, folder):
        return take_stock(name, entry, folder, already=True)
    if source is None and entry.access in ("hand", "table"):
        raise FetchError(
            f"{name} has to be got by a person: {entry.hand}; see {entry.page}, then: mqn data fetch {name} --from FILE"
        )
    if source is not None and not source.exists():
        raise FetchError(f"{source} does not exist; give an archive (zip, tar) or a folder")
    try:
        work = _claim(folder)
        with FileLock(work / _LOCK, timeout=0):
            unusable = _Fetch(name, entry, folder, progress).run(source, patience or Patience(), workers)
            outcome = take_stock(name, entry, folder, already=False, unusable=unusable)
        remove_own(work, within=folder)
    except Timeout as error:
        raise FetchError(f"another process is fetching into {folder}; wait for it, or choose --output") from error
    except OSError as error:
        raise archive.out_of_room(error, folder) from error
    return outcome


def _claim(folder: Path) -> Path:
    """Make the folder of the work, once it is sure that the dataset's is new or of an earlier fetch."""
    work = inside(folder, WORK)
    if (work / _LOCK).is_file():
        mark_own(work)  # Of a fetch that is under way, or was ended by an older version of this program.
    elif folder.is_dir() and not (folder / LOCK_FILE).is_file() and not is_own(work) and any(folder.iterdir()):
        raise FetchError(f"{folder} is not empty and holds no fetched dataset; choose a new folder with --output")
    return make_own(work)


class _Fetch:
    """One fetch of one dataset."""

    def __init__(self, name: str, entry: PublicDataset, folder: Path, progress: Progress | None) -> None:
        self._entry, self._folder, self._progress = entry, folder, progress
        self._work = folder / WORK
        self._ledger = FetchLog(folder, self._work / _JOURNAL, name)
        self._wanted = layout.wanted(entry.layout)

    def run(self, source: Path | None, patience: Patience, workers: int) -> list[str]:
        whole = False
        try:
            if source is None:
                with client() as http:
                    self._download(listing.files_of(self._entry, http, patience), http, patience, workers)
            elif source.is_dir():
                self._take_in(source)
            elif self._entry.access == "table" and source.suffix.lower() == ".csv":
                assert self._entry.listing is not None
                with client() as http:
                    self._download(listing.files_in_table(source, self._entry.listing), http, patience, workers)
            else:
                self._unpack_given(source)
            rows = layout.arrange(names(self._folder), self._entry.layout)
            if not rows:
                what = f"no file like {self._entry.layout.hdr!r}; is it {self._entry.title}?"
                raise FetchError(f"{source or self._entry.page}: holds {what}")
            unusable = self._convert(rows, workers)
            layout.write_manifest(self._folder, usable(rows, self._folder))
            whole = not unusable
        finally:
            self._ledger.close(licence=self._entry.licence, complete=whole)
        return unusable

    def _download(self, remotes: Sequence[RemoteFile], http: httpx.Client, patience: Patience, workers: int) -> None:
        missing = [remote for remote in remotes if not self._is_here(remote)]
        sizes = [remote.size_bytes for remote in missing]
        total = sum(size for size in sizes if size is not None) if None not in sizes else self._entry.size_bytes
        begun = sum(PartialFile(part_of(self._work, remote.name)).size for remote in missing)
        packed = sum(size or 0 for remote, size in zip(missing, sizes, strict=True) if is_packed(remote.name))
        archive.require_room(self._folder, (total or 0) - begun + packed)
        meter = Meter(self._progress, total)
        meter.add(begun)
        stop = threading.Event()
        transfer = Transfer(http=http, patience=patience, on_bytes=meter.add, stop=stop)

        def download(remote: RemoteFile) -> None:
            meter.label = remote.name
            self._fetch_one(remote, transfer)

        download_all(missing, download, workers=workers, stop=stop)

    def _fetch_one(self, remote: RemoteFile, transfer: Transfer) -> None:
        seen = self._ledger.get(remote.name)
        if remote.sha256 is None and remote.md5 is None and seen is not None and seen.url == redact_url(remote.url):
            remote = dataclasses.replace(remote, sha256=seen.sha256)
        if not is_packed(remote.name):
            self._ledger.add(_record(remote, self._fetch_plain(remote, transfer, known=seen is not None)))
            return
        target = inside(self._work, remote.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        note = target.with_name(f"{target.name}.json")
        if not (target.is_file() and note.is_file()):
            arrived = transfer.download(remote, target, part_of(self._work, remote.name))
            write_json(note, _record(remote, arrived))
        try:
            record = self._unpack(target, read_json(FetchedFile, note))
        except (FetchError, LocalNameError):
            target.unlink()
            raise
        self._ledger.add(record)
        target.unlink()

    def _fetch_plain(self, remote: RemoteFile, transfer: Transfer, *, known: bool) -> Arrived:
        """Download a file that is used as it is. One that no fetch has noted and that is another file stays."""
        target, part = inside(self._folder, remote.name), part_of(self._work, remote.name)
        whole = part.with_suffix(".whole")
        arrived = transfer.download(remote, whole, part)
        # A kill may have come between the file and its note: then it is the same.
        if not known and os.path.lexists(target) and not (target.is_file() and file_hash(target) == arrived.sha256):
            raise FetchError(f"{target} is there already and was not fetched; move it away, or choose --output")
        target.parent.mkdir(parents=True, exist_ok=True)
        publish_file(whole, target)
        return arrived

    def _unpack(self, path: Path, record: FetchedFile) -> FetchedFile:
        name = unpacked_name(record.name)
        unpacked = inside(self._folder, name)
        before = self._ledger.get(record.name)
        if before is None and unpacked.is_dir() and not is_own(unpacked):
            raise LocalNameError(f"{unpacked} is there already and was not fetched; move it away, or choose --output")
        unpacked.parent.mkdir(parents=True, exist_ok=True)
        anew = before is not None and before.sha256 != record.sha256
        archive.extract(path, unpacked, self._wanted, anew=anew)
        return dataclasses.replace(record, unpacked=name)

    def _unpack_given(self, path: Path) -> None:
        sha256, md5 = digests(path)
        for remote in self._entry.files:
            if remote.name == path.name and (remote.sha256 or sha256, remote.md5 or md5) != (sha256, md5):
                raise FetchError(f"{path}: is not the {remote.name} that its publisher has: its checksum differs")
        record = FetchedFile(name=path.name, url="", sha256=sha256, size_bytes=path.stat().st_size)
        self._ledger.add(self._unpack(path, record))

    def _take_in(self, source: Path) -> None:
        if self._folder == source.absolute() or source.absolute() in self._folder.parents:
            raise FetchError(f"{source} holds the folder to fetch into, {self._folder}; choose another with --output")
        wanted = [name for name in names(source) if self._wanted(name)]
        meter = Meter(self._progress, sum((source / name).stat().st_size for name in wanted))
        for name in wanted:
            meter.label = name
            target = inside(self._folder, name)
            if not _is_same(source / name, target):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                if self._entry.layout.encoding:
                    conversion.converted(target).unlink(missing_ok=True)
                _link_or_copy(source / name, target)
            meter.add(target.stat().st_size)

    def _convert(self, rows: Sequence[layout.Row], workers: int) -> list[str]:
        encoding = self._entry.layout.encoding
        if not encoding:
            return []

        def convert(row: layout.Row) -> str | None:
            try:
                conversion.convert(self._folder / row.published, encoding)
            except PictureError as error:
                return str(error)
            return None

        with ThreadPoolExecutor(workers) as pool:
            return [reason for reason in pool.map(convert, rows) if reason is not None]

    def _is_here(self, remote: RemoteFile) -> bool:
        record = self._ledger.get(remote.name)
        return record is not None and record.url == redact_url(remote.url) and _lies_in(self._folder, record)


def _record(remote: RemoteFile, arrived: Arrived) -> FetchedFile:
    return FetchedFile(name=remote.name, url=redact_url(remote.url), **dataclasses.asdict(arrived))


def _lies_in(folder: Path, record: FetchedFile) -> bool:
    if record.unpacked:
        return (folder / record.unpacked).is_dir()
    path = folder / record.name
    return path.is_file() and path.stat().st_size == record.size_bytes


def _is_same(source: Path, target: Path) -> bool:
    """Whether a file was taken in already, as it is now: linked, or copied with its date."""
    if not target.exists():
        return False
    given, taken = source.stat(), target.stat()
    return (given.st_size, given.st_mtime_ns) == (taken.st_size, taken.st_mtime_ns)


def _link_or_copy(source: Path, target: Path) -> None:
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    growing = target.with_name(f".{target.name}.part")
    shutil.copy2(source, growing)
    publish_file(growing, target)
