"""Artifacts behind a URL: every file under its own hash, and a manifest that is written last.

    <url>/<stage>/<key>/manifest.json               it alone makes the artifact exist
    <url>/<stage>/<key>/<sha256>.<file name>        files; those of two makers of one key do not mix
    <url>/<stage>/<key>.partial/...                 what a training has reached (`mqn.search.artifacts.progress`)

A key is worked on in a folder of this machine. Machines do not lock each other out: where two make the same artifact,
the first manifest stays, and the files of the other are left over for `mqn clean`.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from mqn.errors import ConfigError, FaultError, LocalNameError, NetworkError
from mqn.files.local_names import safe_path
from mqn.logs.capture import LOG, read_log
from mqn.net.bucket import Bucket, Stored, object_name
from mqn.parsing import from_mapping, write_json
from mqn.plain_values import loads_json
from mqn.records import Manifest
from mqn.search.artifacts.artifact import MANIFEST, Artifact, ArtifactFile, Key
from mqn.search.artifacts.cache import Cache
from mqn.search.artifacts.contract import Entry, Kind, Slot, empty
from mqn.search.artifacts.progress import Progress

_PARTIAL = ".partial"


class RemotePlace:
    """Artifacts behind a URL."""

    def __init__(self, bucket: Bucket, cache: Cache, keep_seconds: float) -> None:
        """Put the parts together.

        Args:
            bucket: holds the artifacts.
            cache: holds what was fetched of them, and what is in the making on this machine.
            keep_seconds: what a training has reached is kept in the bucket at most so often.
        """
        self.shown = bucket.shown
        self._bucket, self.cache, self._keep_seconds = bucket, cache, keep_seconds

    def partial(self, stage: str, key: str) -> Path:
        """Where an artifact in the making is written, on the machine that makes it."""
        return self.cache.folder / stage / f"{key}{_PARTIAL}"

    def find(self, stage: str, key: str) -> Artifact | None:
        """An artifact whose manifest is there, or None. No file of it is fetched."""
        return self._artifact(stage, key, self._bucket.read(f"{stage}/{key}/{MANIFEST}"))

    def find_many(self, keys: Iterable[Key]) -> dict[Key, Artifact]:
        """Those of many artifacts whose manifests are there."""
        wanted = list(dict.fromkeys(keys))
        contents = self._bucket.read_many([f"{stage}/{key}/{MANIFEST}" for stage, key in wanted])
        found = {id_: self._artifact(*id_, content) for id_, content in zip(wanted, contents, strict=True)}
        return {id_: artifact for id_, artifact in found.items() if artifact is not None}

    def find_whole(self, keys: Iterable[Key]) -> dict[Key, Artifact]:
        """Those of many artifacts whose manifests and files are there; every stage is listed once."""
        found = self.find_many(keys)
        there = {stage: self._bucket.list(stage) for stage in {id_[0] for id_ in found}}
        return {id_: one for id_, one in found.items() if _all_there(one.manifest, there[id_[0]])}

    def verify(self, artifact: Artifact) -> bool:
        """Whether the store has every file, in its size; the bytes are compared when they are fetched."""
        manifest = artifact.manifest
        return _all_there(manifest, self._bucket.list(f"{manifest.stage}/{manifest.key}"))

    def local(self, file: ArtifactFile) -> Path:
        """A file of an artifact in the cache, with all other files of the artifact beside it.

        Raises:
            NetworkError: the artifact is gone, or is another one by now.
        """
        artifact = self._cached(file) or self.find(file.stage, file.key)
        if artifact is None or artifact.manifest.files.get(file.name) != file.sha256:
            state = "is gone from" if artifact is None else "is another one by now in"
            raise NetworkError(
                f"artifact {file.stage}/{file.key} {state} {self.shown}; resume the study to make it again"
            )
        return artifact.whole() / file.name

    def _cached(self, file: ArtifactFile) -> Artifact | None:
        for path in (self.cache.folder / file.stage / file.key).glob(f"*/{MANIFEST}"):
            with contextlib.suppress(FileNotFoundError):
                artifact = self._artifact(file.stage, file.key, path.read_bytes())
                if artifact is not None and artifact.manifest.files.get(file.name) == file.sha256:
                    return artifact
        return None

    def _artifact(self, stage: str, key: str, content: bytes | None) -> Artifact | None:
        if content is None:
            return None
        source = f"{self.shown}/{stage}/{key}/{MANIFEST}"
        try:
            manifest = from_mapping(Manifest, loads_json(content, source), source=source)
            for name in manifest.files:
                safe_path(name)
        except (ConfigError, LocalNameError):
            return None
        if (manifest.stage, manifest.key) != (stage, key):
            return None
        generation = hashlib.sha256(content).hexdigest()[:16]
        return Artifact(
            folder=self.cache.folder / stage / key / generation,
            manifest=manifest,
            fetch=functools.partial(self._fetch, content),
        )

    def _fetch(self, content: bytes, artifact: Artifact, names: tuple[str, ...]) -> None:
        manifest, folder = artifact.manifest, artifact.folder
        for name in names:
            size: int | None
            if name == MANIFEST:
                sha256, size = hashlib.sha256(content).hexdigest(), len(content)
                get = functools.partial(_write, content)
            else:
                sha256, size = manifest.files[name], manifest.sizes.get(name)
                get = functools.partial(self._bucket.get, _object(manifest, name, sha256))
            self.cache.file(folder, name, sha256, size, get)

    @contextmanager
    def open(self, stage: str, key: str, *, resumable: bool, serves: Callable[[Artifact], bool]) -> Iterator[Slot]:
        """Work on a key; waits while another process of this machine works on it."""
        work = self.partial(stage, key)
        work.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(work.with_name(f"{key}.lock")), self.cache.held():
            there = self.find(stage, key)
            artifact = there if there is not None and serves(there) else None
            keep = functools.partial(self._keep, before=there, serves=serves)
            slot = Slot(folder=work, stage=stage, key=key, artifact=artifact, keep=keep)
            if artifact is not None:
                yield slot
                return
            work.mkdir(exist_ok=True)
            if not resumable:
                empty(work)
            with self._logged(stage, key), self.progress(stage, key) if resumable else contextlib.nullcontext():
                yield slot
            if slot.artifact is not None:
                shutil.rmtree(work, ignore_errors=True)

    @contextmanager
    def _logged(self, stage: str, key: str) -> Iterator[None]:
        """Bring the log of earlier tries, perhaps of another machine, and keep that of a try that fails."""
        name, path = f"{stage}/{key}{_PARTIAL}/{LOG}", self.partial(stage, key) / LOG
        before = self._bucket.read(name)
        if before is not None and not path.exists():
            path.write_bytes(before)
        try:
            yield
        except BaseException:
            with contextlib.suppress(FaultError):  # What failed is told; its log stays on this machine.
                if path.is_file():
                    self._bucket.put(path, name)
            raise
        if before is not None:
            self._bucket.remove([name])

    def log(self, stage: str, key: str) -> bytes | None:
        """That of the artifact, else that of the latest try that failed, else what is in the making here."""
        artifact = self.find(stage, key)
        if artifact is not None:
            return artifact.path(LOG).read_bytes() if LOG in artifact.manifest.files else None
        here = read_log(self.partial(stage, key) / LOG)
        return here if here is not None else self._bucket.read(f"{stage}/{key}{_PARTIAL}/{LOG}")

    def progress(self, stage: str, key: str) -> Progress:
        """What a training has reached, between its folder here and the bucket."""
        name = f"{stage}/{key}{_PARTIAL}"
        return Progress(self._bucket, name, self.partial(stage, key), seconds=self._keep_seconds)

    def _keep(
        self, folder: Path, manifest: Manifest, *, before: Artifact | None, serves: Callable[[Artifact], bool]
    ) -> Artifact:
        """Publish, unless another machine was faster: who finds an artifact must find the same later.

        So a worker whose driver has lost its lease may publish late without harm.
        """
        place = f"{manifest.stage}/{manifest.key}"
        there = self._bucket.list(place)
        for name, sha256 in manifest.files.items():
            target = _object(manifest, name, sha256)
            if there.get(target, Stored(size_bytes=-1, written=0.0)).size_bytes != manifest.sizes[name]:
                self._bucket.put(folder / name, target)
        write_json(folder / MANIFEST, manifest)
        content = (folder / MANIFEST).read_bytes()
        if before is not None:
            now = self.find(manifest.stage, manifest.key)
            if now is not None and now.manifest != before.manifest and serves(now):
                return now
            self._bucket.write(f"{place}/{MANIFEST}", content)
        elif not self._bucket.create(f"{place}/{MANIFEST}", content):
            first = self.find(manifest.stage, manifest.key)
            if first is not None:
                return first
            self._bucket.write(f"{place}/{MANIFEST}", content)
        made = self._artifact(manifest.stage, manifest.key, content)
        assert made is not None, f"{place} has a file name that no machine could take"
        for name in (*manifest.files, MANIFEST):
            self.cache.put(made.folder, name, folder / name)
        return made

    def entries(self, stage: str = "") -> list[Entry]:
        """Everything that lies in it. Files that no manifest names count as left over."""
        groups: dict[Key, dict[str, Stored]] = defaultdict(dict)
        for name, stored in self._bucket.list(stage).items():
            parts = name.split("/")
            if len(parts) == 3:
                groups[parts[0], parts[1]][name] = stored
        whole = self.find_many(id_ for id_, names in groups.items() if f"{id_[0]}/{id_[1]}/{MANIFEST}" in names)
        found = []
        for id_, names in sorted(groups.items()):
            if id_[1].endswith(_PARTIAL):
                found.append(_entry("partial", id_[0], id_[1].removesuffix(_PARTIAL), names, "/".join(id_)))
                continue
            manifest = whole[id_].manifest if id_ in whole else None
            own = {f"{id_[0]}/{id_[1]}/{MANIFEST}"} if manifest else set[str]()
            own |= {_object(manifest, *file) for file in manifest.files.items()} if manifest else set()
            if manifest:
                found.append(_entry("whole", *id_, {name: names[name] for name in own & names.keys()}, "/".join(id_)))
            found += [_entry("left", *id_, {name: names[name]}, name) for name in sorted(names.keys() - own)]
        return found

    def remove(self, entry: Entry) -> bool:
        """Remove something; what this machine has fetched of it goes with the cache."""
        if entry.kind == "left":
            names = [entry.path]
        else:
            # The manifest first: nobody shall find half an artifact.
            names = sorted(self._bucket.list(entry.path), key=lambda name: not name.endswith(f"/{MANIFEST}"))
        self._bucket.remove(names)
        return bool(names)

    def read_note(self, name: str) -> str:
        """A text beside the artifacts."""
        return (self._bucket.read(name) or b"").decode("utf-8", errors="replace")

    def write_note(self, name: str, text: str) -> None:
        """Keep a text beside the artifacts."""
        self._bucket.write(name, text.encode())

    def create_note(self, name: str, text: str) -> None:
        """Keep a text beside the artifacts, unless there is one."""
        self._bucket.create(name, text.encode())

    def remove_note(self, name: str) -> None:
        """Remove a text beside the artifacts."""
        self._bucket.remove([name])


def _all_there(manifest: Manifest, there: dict[str, Stored]) -> bool:
    for name, sha256 in manifest.files.items():
        stored = there.get(_object(manifest, name, sha256))
        if stored is None or stored.size_bytes != manifest.sizes.get(name, stored.size_bytes):
            return False
    return True


def _object(manifest: Manifest, name: str, sha256: str) -> str:
    return f"{manifest.stage}/{manifest.key}/{object_name(name, sha256)}"


def _entry(kind: Kind, stage: str, key: str, names: dict[str, Stored], path: str) -> Entry:
    return Entry(
        kind=kind,
        stage=stage,
        key=key,
        size_bytes=sum(stored.size_bytes for stored in names.values()),
        changed=max((stored.written for stored in names.values()), default=0.0),
        path=path,
    )


def _write(content: bytes, path: Path) -> bool:
    path.write_bytes(content)
    return True
