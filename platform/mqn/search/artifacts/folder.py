"""Artifacts in a folder that every process reaches by the same path.

    <folder>/<stage>/<key>/            a finished artifact: files and manifest.json
    <folder>/<stage>/<key>.partial/    one in the making; a killed training goes on inside it
    <folder>/<stage>/<key>.lock        held by the process that makes it

Files are hashed when they are published, then trusted for as long as they are older than their manifest, by the
system's own time of the last change. Whatever was changed, replaced or copied since is hashed again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from mqn.errors import ConfigError
from mqn.files.publishing import disk_faults, publish_folder, writing
from mqn.files.sizes import size_of
from mqn.logs.capture import LOG, read_log
from mqn.parsing import file_hash, json_text, read_json
from mqn.records import Manifest
from mqn.search.artifacts.artifact import MANIFEST, Artifact, ArtifactFile, Key
from mqn.search.artifacts.contract import Entry, Kind, Slot, empty

_PARTIAL, _LOCK, _GONE = ".partial", ".lock", ".gone"


class FolderPlace:
    """Artifacts under one folder."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made when something is stored."""
        self.folder, self.shown = folder, str(folder)

    def path(self, stage: str, key: str) -> Path:
        """Where the finished artifact of a key lies or will lie."""
        return self.folder / stage / key

    def partial(self, stage: str, key: str) -> Path:
        """Where it is in the making."""
        return self.folder / stage / f"{key}{_PARTIAL}"

    def local(self, file: ArtifactFile) -> Path:
        """A file of an artifact."""
        return self.path(file.stage, file.key) / file.name

    def find(self, stage: str, key: str) -> Artifact | None:
        """A whole artifact, or None: a file that was changed since it was published is compared with its hash."""
        artifact = self._read(stage, key)
        if artifact is None or not (_untouched(artifact) or self.verify(artifact)):
            return None
        return artifact

    def find_many(self, keys: Iterable[Key]) -> dict[Key, Artifact]:
        """Those of many artifacts that are whole."""
        found = {key: self.find(*key) for key in keys}
        return {key: artifact for key, artifact in found.items() if artifact is not None}

    def find_whole(self, keys: Iterable[Key]) -> dict[Key, Artifact]:
        """As `find_many`, which looks at every file."""
        return self.find_many(keys)

    def verify(self, artifact: Artifact) -> bool:
        """Read every file and compare it with its hash."""
        files = artifact.manifest.files.items()
        before = _changed(artifact)
        whole = all(
            (artifact.folder / name).is_file() and file_hash(artifact.folder / name) == sha256 for name, sha256 in files
        )
        if whole and not _untouched(artifact) and before == _changed(artifact):
            with contextlib.suppress(OSError):  # The folder may be read-only; then it is read again next time.
                manifest = artifact.folder / MANIFEST
                status = manifest.stat()
                # This changes nothing but the time of the last change.
                os.utime(manifest, ns=(status.st_atime_ns, status.st_mtime_ns))
        return whole

    def _read(self, stage: str, key: str) -> Artifact | None:
        folder = self.path(stage, key)
        try:
            manifest = read_json(Manifest, folder / MANIFEST)
        except ConfigError:
            return None
        return Artifact(folder=folder, manifest=manifest) if manifest.key == key else None

    def log(self, stage: str, key: str) -> bytes | None:
        """That of the artifact, else that of the folder in the making."""
        log = read_log(self.path(stage, key) / LOG)
        return log if log is not None else read_log(self.partial(stage, key) / LOG)

    @contextmanager
    def open(self, stage: str, key: str, *, resumable: bool, serves: Callable[[Artifact], bool]) -> Iterator[Slot]:
        """Hold a key alone; waits while another process works on it."""
        target, partial = self.path(stage, key), self.partial(stage, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(target.with_name(f"{key}{_LOCK}")):
            artifact = self.find(stage, key)
            if artifact is None or not serves(artifact):
                artifact = None
                partial.mkdir(exist_ok=True)
                if not resumable:
                    empty(partial)
            yield Slot(folder=partial, stage=stage, key=key, artifact=artifact, keep=self._keep)

    def _keep(self, folder: Path, manifest: Manifest) -> Artifact:
        target = self.path(manifest.stage, manifest.key)
        # Nobody sees it before the folder has its name, and that waits for the disk.
        with disk_faults(target):
            (folder / MANIFEST).write_text(json_text(manifest), encoding="utf-8")
        # What is there is damaged or too old, or `open` would have taken it.
        publish_folder(folder, target, replace=True)
        return Artifact(folder=target, manifest=manifest)

    def entries(self, stage: str = "") -> list[Entry]:
        """Everything that lies in it."""
        found = self.folder.glob(f"{stage or '*'}/*") if self.folder.is_dir() else ()
        entries = (_entry(path) for path in sorted(found) if path.is_dir())
        return [entry for entry in entries if entry is not None]

    def remove(self, entry: Entry) -> bool:
        """Remove something, unless another process works on it."""
        folder = self.folder / entry.path
        key = folder.name.removesuffix(_PARTIAL)
        lock = folder.with_name(f"{key}{_LOCK}")
        try:
            with filelock.FileLock(lock, blocking=False):
                # Renamed first: nobody shall find half an artifact.
                shutil.rmtree(folder.rename(folder.with_name(f".{folder.name}{_GONE}")))
                if not (folder.with_name(key).exists() or folder.with_name(f"{key}{_PARTIAL}").exists()):
                    lock.unlink()
        except (filelock.Timeout, FileNotFoundError):
            return False
        return True

    def read_note(self, name: str) -> str:
        """A text beside the artifacts."""
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def write_note(self, name: str, text: str) -> None:
        """Keep a text beside the artifacts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with writing(self.folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def create_note(self, name: str, text: str) -> None:
        """Keep a text beside the artifacts, unless there is one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{name}.{os.getpid()}.new"
        temporary.write_text(text, encoding="utf-8")
        try:
            with contextlib.suppress(FileExistsError):
                (self.folder / name).hardlink_to(temporary)
        finally:
            temporary.unlink()

    def remove_note(self, name: str) -> None:
        """Remove a text beside the artifacts."""
        (self.folder / name).unlink(missing_ok=True)


def _untouched(artifact: Artifact) -> bool:
    """Whether no file was changed, or put in another's place, since the manifest was written."""
    manifest = artifact.manifest
    try:
        sealed = (artifact.folder / MANIFEST).stat().st_ctime_ns
        for name in manifest.files:
            status = (artifact.folder / name).stat()
            if status.st_ctime_ns > sealed or status.st_size != manifest.sizes.get(name, status.st_size):
                return False
    except OSError:
        return False
    return True


def _changed(artifact: Artifact) -> list[tuple[int, int, int] | None]:
    """What tells one state of every file from another; None for one that is not there."""
    found: list[tuple[int, int, int] | None] = []
    for name in artifact.manifest.files:
        try:
            status = (artifact.folder / name).stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_size, status.st_ctime_ns, status.st_ino))
    return found


def _entry(path: Path) -> Entry | None:
    """What a folder of a stage is; None where it went away this moment."""
    try:
        changed = path.stat().st_mtime
    except FileNotFoundError:
        return None
    name = path.name
    left = name.startswith(".")
    kind: Kind = "left" if left else "partial" if name.endswith(_PARTIAL) else "whole"
    return Entry(
        kind=kind,
        stage=path.parent.name,
        key=name if left else name.removesuffix(_PARTIAL),
        size_bytes=size_of(path),
        changed=changed,
        path=f"{path.parent.name}/{name}",
    )
