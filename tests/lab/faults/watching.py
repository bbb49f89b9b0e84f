"""Watches the artifacts of a study while it runs: one that was published must never change."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.faults.clock import kernel_time
from tests.lab.faults.field import Field

_PAUSE_SECONDS = 0.5
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Seen:
    """An artifact as it was seen first.

    Attributes:
        mark: changes with its manifest.
        at: when it was seen, by the kernel's clock.
    """

    mark: str
    at: float


class Watcher:
    """Looks from time to time at every manifest of the store.

    Attributes:
        seen: what was published, by `STAGE/KEY`.
        earlier: those of it that were there before the study began.
        changes: lines on artifacts that were published again, or that have vanished.
    """

    def __init__(self, field: Field) -> None:
        """Watch a field's artifacts; `start` begins."""
        self._field = field
        self.seen: dict[str, Seen] = {}
        self.earlier = frozenset(list_manifests(field))
        self.changes: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Look once more, and end."""
        self._over.set()
        self._thread.join()
        self._look()

    def manifest(self, name: str) -> dict[str, Any]:
        """The manifest of an artifact, by `STAGE/KEY`."""
        return dict(json.loads(read_file(self._field, f"{name}/{MANIFEST}")))

    def _watch(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            self._look()

    def _look(self) -> None:
        marks = list_manifests(self._field)
        for name, mark in marks.items():
            before = self.seen.setdefault(name, Seen(mark, kernel_time()))
            if before.mark != mark:
                self.changes.append(f"artifact {name} was published again {time.strftime('%X')}")
                self.seen[name] = Seen(mark, kernel_time())
        self.changes += [f"artifact {name} has vanished" for name in self.seen.keys() - marks.keys()]
        for name in self.seen.keys() - marks.keys():
            del self.seen[name]


def list_manifests(field: Field) -> dict[str, str]:
    """Every published artifact by `STAGE/KEY`, with a mark that changes where its manifest is written again."""
    if field.s3 is not None:
        begin, end = "artifacts/", f"/{MANIFEST}"
        return {
            key.removeprefix(begin).removesuffix(end): mark
            for key, mark in field.s3.marks(begin).items()
            if key.endswith(end)
        }
    found = {}
    for path in Path(field.artifacts).glob(f"*/*/{MANIFEST}"):
        try:
            told = path.stat()
        except FileNotFoundError:
            continue
        name = path.parent.relative_to(field.artifacts)
        if not name.name.startswith(".") and not name.suffix:
            found[name.as_posix()] = f"{told.st_ino}/{told.st_mtime_ns}"
    return found


def read_file(field: Field, name: str) -> bytes:
    """A file of the store, past every line. Raises `FileNotFoundError` if there is none."""
    if field.s3 is None:
        return (Path(field.artifacts) / name).read_bytes()
    client = field.s3.direct
    try:
        return bytes(client.get_object(Bucket=field.s3.bucket, Key=f"artifacts/{name}")["Body"].read())
    except client.exceptions.NoSuchKey as error:
        raise FileNotFoundError(name) from error
