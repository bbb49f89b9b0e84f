"""Checks of a profile's services: database, artifacts folder, tracking server, Ray."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from mqn.errors import MqnError
from mqn.net.database_urls import sqlite_file
from mqn.profile import Profile, StorageProfile
from mqn.profile_tables.notify import NotifyProfile
from mqn.text.redaction import shortened

ANSWER_SECONDS = 30.0


def service_checks(profile: Profile) -> dict[str, Callable[[], str]]:
    """What to check, by name; each says what was found, or raises `MqnError` with what to do."""
    told = {"notifications": lambda: _check_notifications(profile.notify)} if profile.notify.wanted else {}
    return {
        "database": lambda: _within(ANSWER_SECONDS, lambda: _check_database(profile.study_url)),
        "artifacts": lambda: _within(ANSWER_SECONDS, lambda: _check_artifacts(profile.storage)),
        "tracking": lambda: _within(ANSWER_SECONDS, lambda: _check_tracking(profile.tracking_uri)),
        # A Ray of our own has to be started from the main thread; one that is joined may hang.
        "ray": lambda: (
            _check_ray(profile)
            if profile.ray.address == "local"
            else _within(2 * ANSWER_SECONDS, lambda: _check_ray(profile))
        ),
        **told,
    }


def _within(seconds: float, check: Callable[[], str]) -> str:
    """Run a check that may hang.

    Raises:
        MqnError: as the check, or it did not end in time.
    """
    found: list[str | BaseException] = []

    def run() -> None:
        try:
            found.append(check())
        except BaseException as error:  # noqa: BLE001 - raised again where it can be told
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise MqnError(f"no answer within {seconds:g} s; check the address in the profile, and the network")
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _check_database(url: str) -> str:
    from mqn.search.storage.store import is_absent
    from mqn.search.study.studies import list_studies

    file = sqlite_file(url)
    if file is not None and is_absent(url):
        return _to_be_made(file, url, "storage.study")
    count = len(list_studies(url))
    return f"{url}, {count} stud{'y' if count == 1 else 'ies'}"


def _to_be_made(file: Path, url: str, key: str) -> str:
    """Whether the first study can make a database in a file; only MLflow makes folders for its own."""
    folder = next(place for place in file.parents if place.exists())
    missing = key == "storage.study" and folder != file.parent
    if missing or not folder.is_dir() or not os.access(folder, os.W_OK):
        state = "does not exist" if missing else "cannot be written to"
        raise MqnError(f"database {url}: {file.parent} {state}; check {key} in the profile")
    return f"{url}, made by the first study"


def _check_artifacts(storage: StorageProfile) -> str:
    """Write, read back and remove a small file."""
    from mqn.search.artifacts import ArtifactStore

    store = ArtifactStore.of(storage)
    store.check_writing()
    return f"{store.shown}, written and read"


def _check_tracking(uri: str) -> str:
    from mqn.track.connection import check_uri, connect

    if not uri:
        return "none: nothing is logged"
    check_uri(uri)
    file = sqlite_file(uri)
    if file is not None and not file.exists():
        return _to_be_made(file, uri, "tracking.uri")
    try:
        connect(uri).search_experiments(max_results=1)
    except Exception as error:  # MLflow raises what its libraries do
        said = shortened(" ".join(str(error).split()), 200)
        raise MqnError(f"{uri} cannot be used ({said}); check tracking.uri in the profile") from error
    return f"{uri}, answers"


def _check_ray(profile: Profile) -> str:
    from mqn.search.engine.ray_engine import RayEngine

    with RayEngine(profile.ray) as engine:
        there = engine.capacity
        gpus = f", {there.gpus:g} GPUs" if there.gpus else ""
        nodes = f" on {there.nodes} machines" if there.nodes > 1 else ""
        return f"{profile.ray.address}, {there.cpus:g} processors{gpus}{nodes}"


def _check_notifications(profile: NotifyProfile) -> str:
    """Tell everybody an event of the kind `test`."""
    from mqn.search.notify.targets import try_targets

    took, wrong = try_targets(profile)
    if wrong:
        raise MqnError(f"{'; '.join(wrong)}; check [notify] in the profile")
    return f"{' and '.join(took)} took an event 'test'; told of: {', '.join(profile.on)}"
