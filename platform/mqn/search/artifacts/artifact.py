"""A finished artifact, and the name of one of its files that means the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mqn.records import Manifest

MANIFEST = "manifest.json"
Key = tuple[str, str]
"""An artifact's stage and key."""


GATE = "gate/"
"""What the steps of a trial's gate begin with: `gate/convert`, `gate/measure/board`, ..."""


def stage_of(step: str) -> str:
    """The stage of a trial's step: `score` of `score/float`, `convert` of `gate/convert`."""
    return step.removeprefix(GATE).partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFile:
    """A file of an artifact. It says no path: every worker finds the file in its own view of the store.

    Attributes:
        stage: what made the artifact.
        key: the artifact's key.
        name: of the file within it.
        sha256: of the file's content, 64 hexadecimal digits.
    """

    stage: str
    key: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A finished artifact.

    Attributes:
        folder: where its files lie on this machine, or will lie once they are fetched.
        manifest: what it was made from, and what it holds.
        fetch: gets files by name into the folder; None: all are there.
    """

    folder: Path
    manifest: Manifest
    fetch: Callable[[Artifact, tuple[str, ...]], None] | None = field(default=None, repr=False, compare=False)

    def path(self, name: str) -> Path:
        """A file of it on this machine; fetched if need be.

        Raises `FaultError` if the store fails meanwhile.
        """
        if self.fetch is not None:
            self.fetch(self, (name,))
        return self.folder / name

    def size_bytes(self, name: str) -> int:
        """Bytes of a file of it."""
        known = self.manifest.sizes.get(name)
        return self.path(name).stat().st_size if known is None else known

    def whole(self) -> Path:
        """Its folder with all files on this machine. Raises as `path`."""
        if self.fetch is not None:
            self.fetch(self, (*self.manifest.files, MANIFEST))
        return self.folder

    def file(self, name: str) -> ArtifactFile:
        """Name a file of it, for a job's arguments."""
        return ArtifactFile(
            stage=self.manifest.stage, key=self.manifest.key, name=name, sha256=self.manifest.files[name]
        )
