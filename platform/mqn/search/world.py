"""What a study runs on: clocks, devices, an engine. The real ones, or those of a simulation."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from mqn.profile import Profile
from mqn.search.artifacts import ArtifactStore
from mqn.search.engine.ray_engine import RayEngine
from mqn.search.simulation.world import Simulation
from mqn.search.storage.store import StudyStore
from mqn.search.work.data_place import DataPlace
from mqn.search.work.devices import Devices
from mqn.search.work.engine import Demand, Engine


class RunningEngine(Engine, Protocol):
    """An engine that is closed at the end of a block."""

    def probe(self, store: ArtifactStore, data: DataPlace) -> None:
        """Make sure that every machine sees the artifacts and the pictures.

        Raises:
            MqnError: one does not; names machine and place.
        """

    def share_by(self, demand: Demand) -> None:
        """Share the machines with the studies of other drivers."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a study runs on.

    Attributes:
        devices: from targets and the study's name to its devices, not reached yet.
        engine: starts or joins what runs jobs; it is given what tells lines to the user, and how many seconds it may
            wait for machines.
        watch: told of the study's database when it is open.
        clock: monotonic seconds.
        date: seconds since 1970.
        sleep: waits for some seconds.
    """

    devices: Callable[[Sequence[str], str], Devices]
    engine: Callable[[Callable[[str], object], float], RunningEngine]
    watch: Callable[[StudyStore], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    date: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


def make_world(profile: Profile) -> World:
    """The world of a profile. Nothing is started or reached yet.

    Raises:
        ConfigError: the profile simulates less than its jobs ask for.
    """
    if profile.simulate is not None:
        return simulated(Simulation(profile))
    return World(
        devices=functools.partial(Devices, profile),
        engine=lambda tell, patience: RayEngine(profile.ray, tell, patience_seconds=patience),
    )


def simulated(simulation: Simulation) -> World:
    """The world of a simulation."""
    return World(
        devices=simulation.devices,
        engine=lambda _tell, _patience: simulation.engine,
        watch=simulation.watch,
        clock=simulation.clock,
        date=simulation.clock.date,
        sleep=simulation.clock.sleep,
    )
