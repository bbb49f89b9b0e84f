"""What is made sure of before trial 0: that the artifacts can be written to, and that every node sees them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from mqn.profile import Profile
from mqn.search.artifacts import ArtifactStore
from mqn.search.stages.adopt import adopt_job
from mqn.search.study.planning import Planned
from mqn.search.work.data_place import DataPlace
from mqn.search.work.jobs import complete
from mqn.search.world import RunningEngine

_SLOW_SECONDS = 10.0


def reach_store(profile: Profile, tell: Callable[[str], object]) -> ArtifactStore:
    """The profile's artifacts, once this machine has been made sure to see them.

    Libraries of object stores look for keys and try again for a minute or more: `tell` takes a line on that.

    Raises:
        MqnError: they cannot be reached or written to; says why.
    """
    store = ArtifactStore.of(profile.storage)
    with _told_if_slow(tell, f"waiting for the artifacts at {store.shown}"):
        store.identify()
        store.check_writing()
    return store


def ready_store(store: ArtifactStore, planned: Planned, engine: RunningEngine) -> None:
    """Make sure that every node sees the artifacts and the pictures.

    A checkpoint that every trial takes is put there now: its file may lie on this machine alone.

    Raises:
        MqnError: a node does not see them, or they cannot be written to; names node and place.
    """
    engine.probe(store, DataPlace.of(planned.dataset))
    if planned.space.trained is not None:
        complete(store, adopt_job(planned.space.trained))


@contextlib.contextmanager
def _told_if_slow(tell: Callable[[str], object], line: str) -> Iterator[None]:
    timer = threading.Timer(_SLOW_SECONDS, tell, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
