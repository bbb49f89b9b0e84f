"""Archives of exported studies: zip files, written whole or not at all, and read without trust."""

from __future__ import annotations

import contextlib
import hashlib
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar

from mqn.distribution import __version__
from mqn.errors import LocalNameError, StudyError, UsageError
from mqn.files.local_names import DistinctNames, safe_path
from mqn.files.publishing import disk_faults, writing
from mqn.parsing import json_text
from mqn.plain_values import loads_json
from mqn.search.exchange.contents import CONTENTS, Contents, Entry, read_contents

T = TypeVar("T")

_BLOCK = 1 << 20
_MOST_FILES = 1_000_000
_LARGEST_CONTENTS_BYTES = 256 << 20
_LARGEST_LINE_BYTES = 64 << 20
# Text of many trials that are alike shrinks to a fiftieth; nothing that mqn writes shrinks to a two-hundredth.
_LARGEST_RATIO, _ALWAYS_ALLOWED = 200, 64 << 20
_PACKED = (".png", ".jpg", ".jpeg", ".pt", ".npz")
"""Endings of files that do not shrink any more."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, LookupError, OverflowError, struct.error)
"""Beside what the library documents, names that are no text and numbers that fit nothing end in these."""


class ArchiveWriter:
    """Puts files into an archive, one after the other, and hashes them on the way."""

    def __init__(self, file: zipfile.ZipFile, progress: Callable[[int], object]) -> None:
        """Begin; `archive_writer` opens one. `progress` is told the bytes of every block."""
        self._file, self._progress = file, progress
        self.files: dict[str, Entry] = {}

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a file with some content."""
        with self._open(name, len(content)) as stream:
            stream.write(content)
        self._progress(len(content))
        self.files[name] = Entry(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))

    def add_file(self, name: str, path: Path) -> Entry:
        """Add a file of this machine; returns its hash and size as they were read."""
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as source, self._open(name, path.stat().st_size) as stream:
            while block := source.read(_BLOCK):
                digest.update(block)
                size += len(block)
                stream.write(block)
                self._progress(len(block))
        self.files[name] = Entry(sha256=digest.hexdigest(), size_bytes=size)
        return self.files[name]

    def close(self, contents: Contents) -> None:
        """Add the table of contents, the last file."""
        with self._open(CONTENTS, 0) as stream:
            stream.write(json_text(contents).encode())

    def _open(self, name: str, size: int) -> IO[bytes]:
        info = zipfile.ZipInfo(safe_path(name), date_time=_EPOCH)
        info.compress_type = zipfile.ZIP_STORED if name.lower().endswith(_PACKED) else zipfile.ZIP_DEFLATED
        info.external_attr = (stat.S_IFREG | 0o644) << 16
        return self._file.open(info, "w", force_zip64=size > 1 << 30)


@contextlib.contextmanager
def archive_writer(target: Path, progress: Callable[[int], object] = lambda _: None) -> Iterator[ArchiveWriter]:
    """Write an archive beside its place; it gets its name when the block has succeeded.

    An archive of that name is replaced.

    Raises:
        UsageError: something else has that name, or the folder cannot be written to.
        DiskError: the disk is full or read-only.
    """
    check_replaceable(target)
    try:
        with writing(target) as temporary, zipfile.ZipFile(temporary, "w", allowZip64=True) as file:
            yield ArchiveWriter(file, progress)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}; give another file") from error


def check_replaceable(target: Path) -> None:
    """Make sure that writing an archive loses nothing else. A UsageError if another file has that name."""
    if not target.exists():
        return
    try:
        with open_archive(target):
            pass
    except (StudyError, UsageError) as error:
        raise UsageError(f"{target} is there already, and is no exported study; give another file") from error


class Archive:
    """An archive, open, with a table of contents that names exactly the files that it has."""

    def __init__(
        self, path: Path, file: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo], contents: Contents
    ) -> None:
        """Put together what `open_archive` has checked."""
        self.path, self.contents = path, contents
        self._file, self._infos = file, infos

    @property
    def size_bytes(self) -> int:
        """Of all files together, unpacked."""
        return sum(entry.size_bytes for entry in self.contents.files.values())

    def verify(self, progress: Callable[[int], object] = lambda _: None) -> None:
        """Read every file and compare it with its hash. A StudyError names the first that is damaged."""
        for name in self.contents.files:
            self._take(name, lambda _: None, progress)

    def read(self, name: str) -> bytes:
        """A file's content, compared with its hash."""
        blocks: list[bytes] = []
        self._take(name, blocks.append)
        return b"".join(blocks)

    def lines(self, name: str) -> Iterator[bytes]:
        """A text's lines, one after the other. Verify the archive first."""
        with self._damage(name), self._file.open(self._infos[name]) as stream:
            while line := stream.readline(_LARGEST_LINE_BYTES):
                if len(line) == _LARGEST_LINE_BYTES:
                    raise ValueError(f"a line of more than {_LARGEST_LINE_BYTES >> 20} MiB")
                yield line

    def extract(self, name: str, target: Path, progress: Callable[[int], object] = lambda _: None) -> None:
        """Write a file to a path, compared with its hash. A DiskError if the disk is full."""
        with disk_faults(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as output:
                self._take(name, output.write, progress)

    def _take(
        self, name: str, give: Callable[[bytes], object], progress: Callable[[int], object] = lambda _: None
    ) -> None:
        entry, digest, size = self.contents.files[name], hashlib.sha256(), 0
        with self._damage(name), self._file.open(self._infos[name]) as stream:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > entry.size_bytes:
                    raise ValueError(f"it has more than {entry.size_bytes} bytes")
                digest.update(block)
                give(block)
                progress(len(block))
        if size != entry.size_bytes or digest.hexdigest() != entry.sha256:
            raise StudyError(
                f"{self.path}: {name} is not what {CONTENTS} says (SHA-256 is not {entry.sha256[:12]}); nothing was "
                "imported: copy the file again, or export the study again"
            )

    @contextlib.contextmanager
    def _damage(self, name: str) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise _damaged(self.path, error, name) from error


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive, and check everything but the files' content.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        StudyError: it is no archive of a study, is damaged, of another format, or has names, links or sizes that no
            export writes; nothing of it is used then.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; give a file that `mqn export-study` wrote") from error
    with stream, contextlib.ExitStack() as opened:
        try:
            file = opened.enter_context(zipfile.ZipFile(stream))
        except (*_DAMAGE, OSError) as error:
            raise _damaged(path, error) from error
        infos = _checked(path, file)
        contents = _read_contents(path, file, infos)
        sizes = {name: info.file_size for name, info in infos.items() if name != CONTENTS}
        told = {name: entry.size_bytes for name, entry in contents.files.items()}
        if sizes != told:
            name = min(sizes.items() ^ told.items())[0]
            raise StudyError(f"{path}: {name} is not as {CONTENTS} says; nothing of it is used: export the study again")
        yield Archive(path, file, infos, contents)


def _checked(path: Path, file: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members of a zip file by name: plain files with safe and distinct names, together of a size in proportion."""
    infos = file.infolist()
    if len(infos) > _MOST_FILES:
        raise StudyError(f"{path}: has more than {_MOST_FILES} files; nothing of it is used")
    names = DistinctNames()
    for info in infos:
        mode = info.external_attr >> 16
        try:
            if safe_path(info.filename) != info.filename:
                raise LocalNameError(f"{info.filename!r} is not in Unicode's composed form")
            names.add(info.filename)
        except LocalNameError as error:
            raise StudyError(f"{path}: {error}; nothing of it is used") from error
        if info.is_dir() or (stat.S_IFMT(mode) and not stat.S_ISREG(mode)):
            raise StudyError(f"{path}: {info.filename} is a link or no plain file; nothing of it is used")
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise StudyError(f"{path}: {info.filename} is encrypted or packed in another way; nothing of it is used")
    size = path.stat().st_size
    if sum(info.file_size for info in infos) > max(_LARGEST_RATIO * size, _ALWAYS_ALLOWED):
        raise StudyError(
            f"{path}: unpacks to more than {_LARGEST_RATIO} times its size, which no exported study does; nothing of "
            "it is used"
        )
    return {info.filename: info for info in infos}


def _read_contents(path: Path, file: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo]) -> Contents:
    if CONTENTS not in infos or infos[CONTENTS].file_size > _LARGEST_CONTENTS_BYTES:
        raise StudyError(
            f"{path} is no exported study: it has no {CONTENTS}; give a file that `mqn export-study` wrote"
        )
    try:
        with file.open(infos[CONTENTS]) as stream:
            content = stream.read(_LARGEST_CONTENTS_BYTES)
    except _DAMAGE as error:
        raise _damaged(path, error, CONTENTS) from error
    return parse(str(path), lambda: read_contents(loads_json(content, CONTENTS), str(path)))


def parse(source: str, read: Callable[[], T]) -> T:
    """What a reader of records gives; a StudyError where it finds the records wrong."""
    try:
        return read()
    except UsageError as error:
        raise StudyError(f"{source} cannot be used by mqn {__version__}: {error}; nothing was imported") from error


def _damaged(path: Path, error: Exception, name: str = "") -> StudyError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    where = f"{path}: {name}" if name else f"{path}"
    return StudyError(
        f"{where} is damaged, cut short or no zip file ({reason}); nothing was imported: copy the file again"
    )
