"""Objects behind a URL that fsspec knows (`s3://bucket/prefix`, `gs://...`), and what fails there by our names."""

from __future__ import annotations

import contextlib
import errno
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mqn.errors import ConfigError, NetworkError
from mqn.faults import line_of, refused_path
from mqn.text.redaction import hide_url, redact_url

_AT_ONCE = 256
"""Small objects that are read side by side: enough to hide a store's answering time."""

_EXTRAS = {"gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure", "az": "azure"}
"""Our extra with the library that knows a scheme, where `[search]` has none."""

_LOUD = ("gcsfs", "google.auth", "azure", "adlfs", "fsspec", "s3fs", "aiobotocore", "botocore")
"""Loggers of the libraries: they print tracebacks of what they then raise, and this module tells of that in a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a listing says of an object: bytes, and when it was written in seconds since 1970; 0 where unknown."""

    size_bytes: int
    written: float


def object_name(name: str, sha256: str) -> str:
    """The name of a file's object: by its content, so that two states of one file do not take each other's place."""
    return f"{sha256[:16]}.{quote(name, safe='')}"


def open_system(url: str, *, what: str) -> tuple[Any, str]:
    """The file system of fsspec for a URL, and the path in it. Nothing is reached yet.

    Args:
        url: a URL.
        what: the beginning of messages, with the URL as it may be shown.

    Raises:
        ConfigError: nothing that is installed knows such URLs; names the package. Or the URL lacks something.
    """
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        system, root = fsspec.core.url_to_fs(url.rstrip("/"), skip_instance_cache=False)
    except ImportError as error:
        extra = _EXTRAS.get(url.partition(":")[0].lower(), "")
        advice = f"install mqn-platform[{extra}] on every machine" if extra else line_of(error)
        raise ConfigError(f"{what}: a library is missing; {advice}") from error
    except ValueError as error:
        known = "Protocol not known" not in str(error)
        advice = (
            "check it, and the keys in the environment"
            if known
            else "give a path of this machine, s3://BUCKET/NAME, gs://BUCKET/NAME, or another URL that fsspec knows"
        )
        raise ConfigError(f"{what}: {line_of(error)}; {advice}") from error
    if isinstance(system, LocalFileSystem):
        from mqn.net.whole_files import WholeFileSystem

        system = WholeFileSystem()
    return system, root


class Bucket:
    """The objects below a URL. Names are relative to it, with `/`. An object appears whole or not at all.

    What fails raises `NetworkError`: it may succeed later, and no candidate is to blame.
    """

    def __init__(self, url: str, *, what: str) -> None:
        """Open the place; nothing is reached yet. `what` stands before the URL in messages.

        Raises:
            ConfigError: nothing that is installed knows such URLs; names the package.
        """
        self.shown, self._what = redact_url(hide_url(url)), what
        self._system, root = open_system(url, what=f"{what} {self.shown}")
        self._root = root.rstrip("/")

    def read(self, name: str) -> bytes | None:
        """The content of a small object; None where there is none."""
        with self._named(), contextlib.suppress(FileNotFoundError):
            return bytes(self._system.cat_file(self._path(name)))
        return None

    def read_many(self, names: Sequence[str]) -> Iterator[bytes | None]:
        """The contents of many small objects, in order; None where there is none."""
        for first in range(0, len(names), _AT_ONCE):
            paths = [self._path(name) for name in names[first : first + _AT_ONCE]]
            with self._named():
                count = len(paths)
                for content in self._system.cat_ranges(paths, [0] * count, [None] * count, on_error="return"):
                    if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                        raise content
                    yield None if isinstance(content, Exception) else bytes(content)

    def state(self, name: str) -> str | None:
        """What tells one state of an object from another; None where there is none."""
        with self._named(), contextlib.suppress(FileNotFoundError):
            self._system.invalidate_cache()
            info = self._system.info(self._path(name))
            known = [str(info[key]) for key in ("ETag", "LastModified", "mtime", "created", "md5Hash") if info.get(key)]
            return ":".join([str(info.get("size")), *known[:1]])
        return None

    def write(self, name: str, content: bytes) -> None:
        """Write a small object, in place of one that is there."""
        with self._named():
            self._system.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Write a small object unless there is one; returns whether it was written.

        A store that cannot do both in one step looks first, then writes.
        """
        with self._named():
            try:
                self._system.pipe_file(self._path(name), content, mode="create")
            except FileExistsError:
                return False
            except (OSError, NotImplementedError, TypeError) as error:
                if "PreconditionFailed" in repr(error) + repr(error.__cause__) or "condition" in str(error):
                    return False
                if isinstance(error, OSError) and error.errno not in (errno.ENOSYS, errno.EINVAL):
                    raise
                if self._exists(name):
                    return False
                self._system.pipe_file(self._path(name), content)
        return True

    def put(self, path: Path, name: str) -> None:
        """Write a file of this machine as an object."""
        with self._named(path):
            self._system.put_file(str(path), self._path(name))

    def get(self, name: str, path: Path) -> bool:
        """Write an object to a file of this machine; returns whether there is such an object."""
        with self._named(path), contextlib.suppress(FileNotFoundError):
            self._system.get_file(self._path(name), str(path))
            return True
        return False

    def list(self, prefix: str = "") -> dict[str, Stored]:
        """Every object below a prefix (a folder), by name."""
        root = self._path(prefix) if prefix else self._root
        with self._named():
            self._system.invalidate_cache()
            listed = self._system.find(root, detail=True)
        skip = len(self._root) + 1
        return {path[skip:]: _stored(info) for path, info in sorted(listed.items())}

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; one that is not there is no failure."""
        for name in names:
            with self._named(), contextlib.suppress(FileNotFoundError):
                self._system.rm_file(self._path(name))

    def _exists(self, name: str) -> bool:
        self._system.invalidate_cache()
        return bool(self._system.exists(self._path(name)))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextlib.contextmanager
    def _named(self, path: Path | None = None) -> Iterator[None]:
        """Let what the libraries raise be a `NetworkError`; FileNotFoundError passes, and faults of our own disk do."""
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:
            if not isinstance(error, (OSError, *foreign_errors())):
                raise
            named = getattr(error, "filename", None)
            if path is not None and named is not None and str(named) == str(path) and refused_path(error) is None:
                raise
            raise NetworkError(f"{self._what} {self.shown} fails: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    known = {
        errno.EBUSY: "it asks for fewer requests (503)",
        getattr(errno, "EREMOTEIO", errno.EIO): "an error of the server (500)",
    }
    words = known.get(getattr(error, "errno", None) or 0, "")
    if isinstance(error, PermissionError):
        words = "it refuses access: check keys and rights"
    line = line_of(error)
    return f"{words}: {line}" if words else line


def foreign_errors() -> tuple[type[Exception], ...]:
    """Base classes of what the libraries raise that are in use; those that were never loaded raised nothing."""
    names = [("botocore.exceptions", "BotoCoreError"), ("botocore.exceptions", "ClientError")]
    names += [("aiohttp.client_exceptions", "ClientError"), ("gcsfs.retry", "HttpError")]
    names += [("google.auth.exceptions", "GoogleAuthError"), ("azure.core.exceptions", "AzureError")]
    return tuple(getattr(sys.modules[module], name) for module, name in names if module in sys.modules)


def _stored(info: dict[str, Any]) -> Stored:
    written = info.get("LastModified") or info.get("mtime") or info.get("created") or info.get("updated") or 0.0
    if hasattr(written, "timestamp"):
        written = written.timestamp()
    return Stored(
        size_bytes=int(info.get("size") or 0), written=float(written) if isinstance(written, (int, float)) else 0.0
    )
