"""A partly downloaded file, and the version on the server that it belongs to."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from mqn.errors import ConfigError
from mqn.files.publishing import publish_file
from mqn.parsing import read_json, write_json
from mqn.text.redaction import redact_url

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a server says of a file.

    Attributes:
        url: where.
        etag: its mark of this version.
        last_modified: its date of it.
        total: its size in bytes.
    """

    url: str
    etag: str | None = None
    last_modified: str | None = None
    total: int | None = None

    @property
    def condition(self) -> str | None:
        """What to ask for the rest under (`If-Range`); a weak ETag does not promise the same bytes."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    def same_as(self, other: Version) -> bool:
        """Whether nothing that both say differs."""
        told = [(self.etag, other.etag), (self.last_modified, other.last_modified), (self.total, other.total)]
        return all(ours is None or theirs is None or ours == theirs for ours, theirs in told)


@dataclass(frozen=True, slots=True)
class PartialFile:
    """A file on its way. It and the note beside it outlive the process that wrote them.

    Attributes:
        path: the bytes that have arrived.
    """

    path: Path

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def version(self, url: str) -> Version | None:
        """Which version of the file at an address this is the beginning of; None where that is not known."""
        if not self._note.is_file():
            return None
        try:
            version = read_json(Version, self._note)
        except ConfigError:
            return None
        return version if version.url == redact_url(url) else None

    def begin(self, version: Version) -> None:
        """Start over with a version of the file."""
        self.path.unlink(missing_ok=True)
        write_json(self._note, dataclasses.replace(version, url=redact_url(version.url)))

    def forget(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def move(self, target: Path) -> None:
        """Give it its place; what lies there is replaced."""
        publish_file(self.path, target)
        self._note.unlink(missing_ok=True)

    @property
    def _note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")


def digests(path: Path) -> tuple[str, str]:
    """SHA-256 and MD5 of a file, in one pass."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            sha256.update(block)
            md5.update(block)
    return sha256.hexdigest(), md5.hexdigest()
