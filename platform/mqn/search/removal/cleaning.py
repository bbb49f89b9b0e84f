"""What `$MQN_HOME` holds, how big each part is, and what of it can go."""

from __future__ import annotations

import fcntl
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import filelock

from mqn.files.sizes import size_of
from mqn.home import home
from mqn.profile import Profile
from mqn.search.artifacts import ArtifactStore, Entry
from mqn.search.artifacts.cache import USE
from mqn.search.removal.references import References, driven, other_databases, references, unreferenced
from mqn.search.stages.gallery import pictures
from mqn.search.storage.store import connect, is_absent

_PARTS = {
    "study.db": "studies and their trials",
    "mlflow.db": "MLflow's runs",
    "mlartifacts": "files of MLflow's runs",
    "artifacts": "what stages made: checkpoints, models, scores, measurements",
    "cache": "what is fetched or built again when it is needed: weights, runners",
    "data": "datasets",
    "spool": "what waits to be sent to MLflow",
    "scores": "pictures judged so far",
    "pictures": "trials' pictures, for optuna-dashboard",
    "imported": "space files of studies that came from elsewhere",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file or folder of `$MQN_HOME`, and what it holds, in words."""

    name: str
    holds: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """Files and folders of one kind that can go.

    Attributes:
        kind: what they are, in words.
        paths: where they lie: paths, or URLs without secrets.
        size_bytes: of all together.
        stays: why they stay for now; empty where they can go.
        artifacts: what of a store they are, if they are; its place is `store`.
        store: place of the store; empty: they are folders of this machine.
    """

    kind: str
    paths: tuple[str, ...]
    size_bytes: int
    stays: str = ""
    artifacts: tuple[Entry, ...] = ()
    store: str = ""


def parts() -> list[Part]:
    """What lies in `$MQN_HOME`, the largest first."""
    found = [
        Part(name=path.name, holds=_PARTS.get(path.name, ""), size_bytes=size_of(path)) for path in home().iterdir()
    ]
    return sorted(found, key=lambda part: -part.size_bytes)


def find_waste(profiles: Sequence[Profile]) -> list[Waste]:
    """Find what can go: artifacts that no study refers to, caches, and what work that was cut short has left.

    Nothing goes while a driver runs a study, nor artifacts that studies in another database may refer to.
    """
    urls = list(dict.fromkeys(profile.study_url for profile in profiles))
    studies, busy = _read_studies(urls)
    since = min((study.since for study in studies if study.since is not None), default=math.inf)
    waste = []
    shown_elsewhere = busy
    for artifacts in _stores(profiles).values():
        others = other_databases(artifacts, urls)
        stays = busy or (f"studies in {others[0]} may refer to them: give their profile too" if others else "")
        shown_elsewhere = shown_elsewhere or stays
        entries = artifacts.entries()
        lone = unreferenced(entries, studies)
        left = [entry for entry in entries if entry.kind != "whole"]
        for kind, found in (("artifacts that no study refers to", lone), ("work that was cut short", left)):
            needed = [entry for entry in found if entry.changed >= since]
            waste.append(_unused(artifacts, kind, [entry for entry in found if entry not in needed], stays))
            waste.append(_unused(artifacts, kind, needed, stays or "a trial that was begun may go on from them"))
    caches = dict.fromkeys([home() / "cache", *(profile.storage.cache_folder for profile in profiles)])
    within = [path for path in caches if path.is_dir() and not any(other in path.parents for other in caches)]
    waste.append(_waste("caches", within, busy))
    waste.append(_waste("pictures of trials that are gone", _lone_pictures(studies), shown_elsewhere))
    waste.append(_waste("databases that were cut short", list(home().glob(".mlflow-*")), busy))
    return [one for one in waste if one.paths]


def _lone_pictures(studies: Sequence[References]) -> list[Path]:
    shown = {name for study in studies for name in study.pictures}
    return [path for path in pictures() if path.name not in shown]


def remove_waste(
    waste: Sequence[Waste], profiles: Sequence[Profile], progress: Callable[[int], object] = lambda _: None
) -> int:
    """Remove what `find_waste` found, except what another process holds. Returns the number of bytes freed.

    Nothing is removed if a driver has begun in the meantime.
    """
    if _read_studies([profile.study_url for profile in profiles])[1]:
        return 0
    stores = _stores(profiles)
    freed = done = 0
    for one in waste:
        if one.stays:
            continue
        for entry in one.artifacts:
            freed += entry.size_bytes if stores[one.store].remove(entry) else 0
            progress(done := done + 1)
        for path in () if one.store else map(Path, one.paths):
            size = size_of(path)
            if not path.is_dir():
                path.unlink()
                freed += size
            elif not _held(path):
                shutil.rmtree(path)
                freed += size
            progress(done := done + 1)
    return freed


def _stores(profiles: Sequence[Profile]) -> dict[str, ArtifactStore]:
    """The profiles' stores, by place."""
    stores = [ArtifactStore.of(profile.storage) for profile in profiles]
    return {store.shown: store for store in stores}


def _held(folder: Path) -> bool:
    """Whether another process holds a lock in a folder: it is fetching a file, for example."""
    try:
        for lock in [*folder.rglob("*.lock")]:
            with filelock.FileLock(lock, blocking=False):
                pass
        for mark in folder.rglob(USE):
            with mark.open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (filelock.Timeout, BlockingIOError):
        return True
    return False


def _read_studies(urls: Sequence[str]) -> tuple[list[References], str]:
    """What the studies of some databases refer to, and who drives one of them; empty where nobody does."""
    studies: list[References] = []
    busy = ""
    for url in urls:
        if not is_absent(url):
            store = connect(url)
            known = references(store)
            studies += known.values()
            busy = busy or driven(store, known)
    return studies, busy


def _waste(kind: str, paths: Sequence[Path], stays: str) -> Waste:
    return Waste(kind=kind, paths=tuple(map(str, paths)), size_bytes=sum(map(size_of, paths)), stays=stays)


def _unused(store: ArtifactStore, kind: str, entries: Sequence[Entry], stays: str) -> Waste:
    return Waste(
        kind=kind,
        paths=tuple(f"{store.shown}/{entry.path}" for entry in entries),
        size_bytes=sum(entry.size_bytes for entry in entries),
        stays=stays,
        artifacts=tuple(entries),
        store=store.shown,
    )
