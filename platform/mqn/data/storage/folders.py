"""A folder anywhere: on this machine, or behind a URL that fsspec knows (`s3://bucket/prefix`, `memory://name`).

Names are relative to the folder, with `/`. A file appears under its name when it is whole. What fails raises OSError,
whatever library it failed in; keys and endpoints are those of the libraries' own variables (`AWS_ACCESS_KEY_ID`,
`AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT_URL`, ...).
"""

# ruff: noqa: D102 - `Storage` says what the methods of its two kinds do.

from __future__ import annotations

import contextlib
import glob
import os
import posixpath
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from mqn.errors import ConfigError, DataError
from mqn.net.bucket import foreign_errors, open_system
from mqn.text.redaction import hide_url, redact_url

BATCH = 256
"""Small files read at once: enough to hide a store's answering time, little enough to hold."""


class Storage(ABC):
    """A folder, wherever it lies. It need not exist until something is written to it.

    Attributes:
        place: where it lies, an absolute path or a URL; `open_storage` opens it again, in another process too.
    """

    place: str

    @abstractmethod
    def files(self) -> dict[str, str]:
        """Every file in it, subfolders included, to what tells one state of the file from another; sorted by name."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    @abstractmethod
    def size(self, name: str) -> int:
        """Bytes of a file."""

    @abstractmethod
    def read(self, name: str, begin: int = 0, end: int | None = None) -> bytes:
        """The content of a file, or of a range of it."""

    @abstractmethod
    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        """The contents of many small files, in order."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Write a file, replacing one that is there."""

    @abstractmethod
    def writer(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """Write a file piece by piece; it appears when the block ends well."""

    @abstractmethod
    def as_local(self, name: str) -> contextlib.AbstractContextManager[Path]:
        """A file as one of this machine, fetched if need be, for as long as the block lasts."""

    @abstractmethod
    def remove(self, name: str = "") -> None:
        """Remove a file, or the whole folder; one that is not there is no failure."""


def is_url(place: str | Path) -> bool:
    """Whether a place is a URL rather than a path."""
    return "://" in str(place)


def open_storage(place: str | Path) -> Storage:
    """Open a folder: a path, or a URL that fsspec knows; of `file:///...` the path is taken, percent-decoded.

    Raises:
        DataError: nothing that is installed knows such URLs, or a `file://` of another machine.
    """
    text = str(place)
    if text.lower().startswith("file://"):
        parts = urlsplit(text)
        if parts.netloc not in ("", "localhost") or parts.query or parts.fragment or not parts.path:
            raise DataError(f"{text} is no path on this machine; write file:///PATH, with '?' and '#' percent-encoded")
        return LocalStorage(Path(unquote(parts.path)))
    return RemoteStorage(text) if is_url(text) else LocalStorage(Path(text))


class LocalStorage(Storage):
    """A folder of this machine, or of one that is mounted here."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.place = str(self.path)

    def files(self) -> dict[str, str]:
        found = {}
        for folder, names in self._folders():
            for name in names:
                path = Path(folder, name)
                if path.is_file():
                    status = path.stat()
                    found[path.relative_to(self.path).as_posix()] = f"{status.st_size}:{status.st_mtime_ns}"
                else:
                    # A link to no file, a pipe: whoever opens it names it; passed over, it would be missed silently.
                    found[path.relative_to(self.path).as_posix()] = "no ordinary file"
        return dict(sorted(found.items()))

    def _folders(self) -> Iterator[tuple[str, list[str]]]:
        """Every folder below, linked ones too, each once, and the names of its files."""
        seen = set()
        for folder, below, names in os.walk(self.path, onerror=_raise_unless_gone, followlinks=True):
            status = Path(folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                below.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            # Of a folder that is linked twice, the same path is taken everywhere.
            below.sort()
            yield folder, names

    def exists(self, name: str) -> bool:
        return (self.path / name).is_file()

    def size(self, name: str) -> int:
        return (self.path / name).stat().st_size

    def read(self, name: str, begin: int = 0, end: int | None = None) -> bytes:
        with (self.path / name).open("rb") as stream:
            stream.seek(begin)
            return stream.read(-1 if end is None else end - begin)

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        return (self.read(name) for name in names)

    def write(self, name: str, content: bytes) -> None:
        with self.writer(name) as stream:
            stream.write(content)

    @contextlib.contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            with partial.open("wb") as stream:
                yield stream
            # Not synced: parts of a preparation are checked by their hashes, and a whole dataset is synced at its end.
            partial.replace(path)
        except BaseException:
            # A full disk should have its room back, and an interrupted run leave nothing.
            partial.unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def as_local(self, name: str) -> Iterator[Path]:
        yield self.path / name

    def remove(self, name: str = "") -> None:
        if name:
            (self.path / name).unlink(missing_ok=True)
        else:
            shutil.rmtree(self.path, ignore_errors=True)


def _raise_unless_gone(error: OSError) -> None:
    """A folder that cannot be listed must not look empty; one that is not there is."""
    if not isinstance(error, FileNotFoundError):
        raise error


@contextlib.contextmanager
def _as_os_errors() -> Iterator[None]:
    """Let failures of the stores' own libraries be OSErrors."""
    try:
        yield
    except OSError:
        raise
    except foreign_errors() as error:
        raise OSError(" ".join(str(error).split())) from error


class RemoteStorage(Storage):
    """A folder behind a URL. Object stores have no folders: it exists as soon as a file lies in it."""

    def __init__(self, url: str) -> None:
        self.place = hide_url(url).rstrip("/")
        try:
            self._system, root = open_system(self.place, what=redact_url(self.place))
        except ConfigError as error:
            raise DataError(str(error)) from error
        self._root = root.rstrip("/")

    @_as_os_errors()
    def files(self) -> dict[str, str]:
        self._system.invalidate_cache()
        listed = self._system.find(self._root, detail=True)
        return dict(sorted((path[len(self._root) + 1 :], _state(info)) for path, info in listed.items()))

    @_as_os_errors()
    def exists(self, name: str) -> bool:
        self._system.invalidate_cache()
        return bool(self._system.exists(self._path(name)))

    @_as_os_errors()
    def size(self, name: str) -> int:
        self._system.invalidate_cache()
        return int(self._system.size(self._path(name)))

    @_as_os_errors()
    def read(self, name: str, begin: int = 0, end: int | None = None) -> bytes:
        return bytes(self._system.cat_file(self._path(name), start=begin, end=end))

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        for first in range(0, len(names), BATCH):
            paths = [self._path(name) for name in names[first : first + BATCH]]
            with _as_os_errors():
                contents = self._system.cat_ranges(paths, [0] * len(paths), [None] * len(paths), on_error="raise")
            yield from map(bytes, contents)

    @_as_os_errors()
    def write(self, name: str, content: bytes) -> None:
        self._system.pipe_file(self._path(name), content)

    @contextlib.contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        path = self._path(name)
        with _as_os_errors():
            stream = self._system.open(path, "wb", autocommit=False)
            try:
                yield stream
                stream.close()
                stream.commit()
            except BaseException:
                stream.discard()
                # Some systems show a file while it is written.
                if self._system.exists(path):
                    self._system.rm_file(path)
                raise

    @contextlib.contextmanager
    def as_local(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="mqn-") as folder:
            path = Path(folder) / posixpath.basename(name)
            with _as_os_errors():
                self._system.get_file(self._path(name), str(path))
            yield path

    def remove(self, name: str = "") -> None:
        with _as_os_errors(), contextlib.suppress(FileNotFoundError):
            if name:
                self._system.rm_file(self._path(name))
            elif glob.has_magic(self._root):
                # `rm` would take the folder's name for a pattern, and remove what others have.
                for file in self.files():
                    self._system.rm_file(self._path(file))
            else:
                self._system.rm(self._root, recursive=True)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def _state(info: dict[str, Any]) -> str:
    """Size and whatever else a store says about a file's state."""
    known = [str(info[key]) for key in ("ETag", "LastModified", "mtime", "created", "md5Hash") if info.get(key)]
    return ":".join([str(info.get("size")), *known[:1]])
