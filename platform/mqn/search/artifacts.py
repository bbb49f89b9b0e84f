"""The store of artifacts: one folder a key, published whole or not at all.

    <folder>/<stage>/<key>/            a finished artifact: files and manifest.json
    <folder>/<stage>/<key>.partial/    one in the making; a killed training goes on inside it
    <folder>/<stage>/<key>.lock        held by the process that makes it

A key is a hash of everything that goes in, so an artifact does not change once it is there; only a measurement that has
become too old is replaced by a new one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from mqn.errors import ConfigError, StudyError
from mqn.parsing import file_hash, read_json, write_json
from mqn.publishing import publish_folder
from mqn.records import Manifest

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A finished artifact."""

    folder: Path
    manifest: Manifest


@dataclass(slots=True)
class Slot:
    """One key while it is locked.

    Attributes:
        folder: where to write; what a killed predecessor left is still there if the slot was opened to go on.
        artifact: the finished artifact, if there is one already or as soon as it is published.
    """

    folder: Path
    target: Path
    stage: str
    key: str
    artifact: Artifact | None

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
            DiskError: the disk is full or read-only.
        """
        files = {
            path.relative_to(self.folder).as_posix(): file_hash(path)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.name != MANIFEST
        }
        manifest = Manifest(
            stage=self.stage,
            key=self.key,
            inputs=dict(inputs),
            files=files,
            versions=dict(versions),
            seconds=seconds,
            details=dict(details),
        )
        write_json(self.folder / MANIFEST, manifest)
        # What is there is damaged or too old, or `open` would have taken it.
        publish_folder(self.folder, self.target, replace=True)
        self.artifact = Artifact(folder=self.target, manifest=manifest)
        return self.artifact


class ArtifactStore:
    """Artifacts under one folder, shared by every process that reaches it."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made when something is stored."""
        self.folder = folder

    def path(self, stage: str, key: str) -> Path:
        """Where the finished artifact of a key lies or will lie."""
        return self.folder / stage / key

    def partial(self, stage: str, key: str) -> Path:
        """Where it is in the making."""
        return self.folder / stage / f"{key}.partial"

    def find(self, stage: str, key: str) -> Artifact | None:
        """Look an artifact up, and check every file against its manifest.

        Returns:
            The artifact; None where there is none, or where a file is missing or not what the manifest says.
        """
        folder = self.path(stage, key)
        if not folder.is_dir():
            return None
        try:
            manifest = read_json(Manifest, folder / MANIFEST)
        except ConfigError:
            return None
        whole = all(
            (folder / name).is_file() and file_hash(folder / name) == sha256 for name, sha256 in manifest.files.items()
        )
        return Artifact(folder=folder, manifest=manifest) if whole and manifest.key == key else None

    def get(self, stage: str, key: str) -> Artifact:
        """Look up an artifact that must be there.

        Raises:
            StudyError: it is not, or no longer whole.
        """
        artifact = self.find(stage, key)
        if artifact is None:
            folder = self.path(stage, key)
            raise StudyError(f"artifact {folder} is missing or damaged; resume its study to make it again")
        return artifact

    @contextmanager
    def open(
        self,
        stage: str,
        key: str,
        *,
        resumable: bool = False,
        serves: Callable[[Artifact], bool] = lambda _: True,
    ) -> Iterator[Slot]:
        """Hold a key alone; waits while another process works on it.

        Args:
            stage: what makes the artifact.
            key: its name.
            resumable: whether the stage goes on from what a killed predecessor left; else its folder starts empty.
            serves: whether an artifact that is there will do; else it is made again, and stays until then.

        Yields:
            The slot; if its `artifact` is set, there is nothing to do.
        """
        target, partial = self.path(stage, key), self.partial(stage, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(target.with_name(f"{key}.lock")):
            artifact = self.find(stage, key)
            if artifact is None or not serves(artifact):
                artifact = None
                if partial.exists() and not resumable:
                    shutil.rmtree(partial)
                partial.mkdir(exist_ok=True)
            yield Slot(folder=partial, target=target, stage=stage, key=key, artifact=artifact)
