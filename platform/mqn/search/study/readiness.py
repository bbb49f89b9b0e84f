"""What is made sure of before trial 0: that every node sees the artifacts, and that devices can tune if they are to."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from mqn.errors import ConfigError
from mqn.profile import Profile
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space import Space
from mqn.search.stages.adopt import adopt_job
from mqn.search.study.planning import Planned
from mqn.search.work.data_place import DataPlace
from mqn.search.work.devices import Devices
from mqn.search.work.jobs import complete
from mqn.search.world import RunningEngine

_SLOW_SECONDS = 10.0


def check_reach(profile: Profile, name: str) -> None:
    """Make sure that workers behind a Ray client can reach the devices. A ConfigError names one that they cannot."""
    if profile.ray.address.startswith("ray://"):
        for device, settings in profile.devices.items():
            if settings.backend is not None:
                raise ConfigError(
                    f"profile {name!r}: devices.{device} is {settings.url!r}, which workers behind "
                    f"{profile.ray.address} cannot reach; start `mqn agent serve` on a device and give its url"
                )


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


def ready_devices(space: Space, devices: Devices, profile: Profile) -> None:
    """Make sure that the devices can tune, where the space asks for that.

    Raises:
        ConfigError: the profile times in one process alone, or a target means devices of different kinds.
    """
    if space.gate is None or space.gate.tune == "no":
        return
    if profile.measure.processes < 2:
        raise ConfigError(
            f"gate.tune = {space.gate.tune!r} compares files in several processes, and the profile has "
            f"measure.processes = {profile.measure.processes}; set 2 or more, or gate.tune = 'no'"
        )
    for target in devices.targets:
        devices.like(target)


@contextlib.contextmanager
def _told_if_slow(tell: Callable[[str], object], line: str) -> Iterator[None]:
    timer = threading.Timer(_SLOW_SECONDS, tell, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
