"""What a place of artifacts can do, whether it is a folder or a URL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from mqn.logs.capture import LOG
from mqn.parsing import file_hash
from mqn.records import Manifest
from mqn.search.artifacts.artifact import MANIFEST, Artifact, ArtifactFile, Key

Kind = Literal["whole", "partial", "left"]
"""A finished artifact; one in the making, or whose making was cut short; what an exchange of two or a race has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that lies in a store.

    Attributes:
        kind: what it is.
        stage, key: of the artifact.
        size_bytes: all its files together.
        changed: when it was written last, in seconds since 1970.
        path: where it lies in the store.
    """

    kind: Kind
    stage: str
    key: str
    size_bytes: int
    changed: float
    path: str

    @property
    def id(self) -> Key:
        """Stage and key."""
        return self.stage, self.key


@dataclass(slots=True)
class Slot:
    """One key while it is worked on.

    Attributes:
        folder: where to write; what a killed predecessor left is still there if the slot was opened to go on.
        stage, key: of the artifact.
        artifact: the finished artifact, if there is one already or as soon as it is published.
        keep: makes the folder with its manifest the artifact; whether another was faster is the store's to settle.
    """

    folder: Path
    stage: str
    key: str
    artifact: Artifact | None
    keep: Callable[[Path, Manifest], Artifact] = field(repr=False)

    def publish(
        self, *, inputs: Mapping[str, Any], versions: Mapping[str, str], seconds: float, details: Mapping[str, Any]
    ) -> Artifact:
        """Make everything in the folder an artifact, in one step that either happens or does not.

        Args:
            inputs: what went in: names to hashes or plain values.
            versions: of the packages that took part.
            seconds: wall time.
            details: what the stage wants known.

        Raises:
            FaultError: the disk is full or read-only, or the store cannot be reached.
        """
        paths = {
            path.relative_to(self.folder).as_posix(): path
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.name != MANIFEST
        }
        manifest = Manifest(
            stage=self.stage,
            key=self.key,
            inputs=dict(inputs),
            files={name: file_hash(path) for name, path in paths.items()},
            sizes={name: path.stat().st_size for name, path in paths.items()},
            versions=dict(versions),
            seconds=seconds,
            details=dict(details),
        )
        self.artifact = self.keep(self.folder, manifest)
        return self.artifact


def empty(folder: Path) -> None:
    """Remove all from the folder of an artifact in the making but the log of earlier tries."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOG:
            path.unlink()


class Place(Protocol):
    """A folder or a URL that holds artifacts."""

    shown: str
    """Its path or URL, without secrets."""

    def find(self, stage: str, key: str) -> Artifact | None:
        """A whole artifact, or None."""

    def find_many(self, keys: Iterable[Key]) -> dict[Key, Artifact]:
        """Those of many artifacts that are whole."""

    def find_whole(self, keys: Iterable[Key]) -> dict[Key, Artifact]:
        """Those of many artifacts that have all their files."""

    def verify(self, artifact: Artifact) -> bool:
        """Whether every file of an artifact is what its manifest says; every byte is read, or its store asked."""

    def local(self, file: ArtifactFile) -> Path:
        """A file of an artifact on this machine, with the artifact's other files beside it."""

    def partial(self, stage: str, key: str) -> Path:
        """Where an artifact in the making is written, on the machine that makes it."""

    def log(self, stage: str, key: str) -> bytes | None:
        """What the job of an artifact printed, as far as it came; None: nothing that is known here."""

    def open(
        self, stage: str, key: str, *, resumable: bool, serves: Callable[[Artifact], bool]
    ) -> AbstractContextManager[Slot]:
        """Work on a key; see `ArtifactStore.open`."""

    def entries(self, stage: str = "") -> list[Entry]:
        """Everything that lies in it, by stage and key; of one stage if it is named."""

    def remove(self, entry: Entry) -> bool:
        """Remove something; False where another process works on it, or it is gone already."""

    def read_note(self, name: str) -> str:
        """A text beside the artifacts; empty where there is none."""

    def write_note(self, name: str, text: str) -> None:
        """Keep a text beside the artifacts."""

    def create_note(self, name: str, text: str) -> None:
        """Keep a text beside the artifacts, unless there is one; of several at the same moment one stays."""

    def remove_note(self, name: str) -> None:
        """Remove a text beside the artifacts."""
