"""What a simulated study runs on: its clock, engine, devices, and the outages of its database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy.event
import sqlalchemy.exc

from mqn.device.pool.address import Address
from mqn.device.pool.member import Contact
from mqn.device.pool.pool import Pool
from mqn.errors import ConfigError, DeviceAwayError
from mqn.profile import DeviceProfile, Profile
from mqn.search.simulation.clock import VirtualClock
from mqn.search.simulation.draws import Calendar, Draws
from mqn.search.simulation.engine import SimulatedEngine
from mqn.search.simulation.fates import Fates
from mqn.search.simulation.stand_ins import device_info
from mqn.search.storage.store import StudyStore
from mqn.search.work.devices import Devices


class Simulation:
    """One simulated cluster with its devices. All its parts share one clock."""

    def __init__(self, profile: Profile) -> None:
        """Prepare what the profile's table `simulate` describes.

        Raises:
            ConfigError: a job of the profile asks for more than a machine has.
        """
        assert profile.simulate is not None
        _check(profile)
        self._profile = profile
        self.clock = VirtualClock()
        draws = Draws(profile.simulate.seed)
        self.fates = Fates(profile.simulate, draws)
        self._outages = Calendar(profile.simulate.failures.database, draws.of("database"))
        self.engine = SimulatedEngine(profile.simulate, self.clock, self.fates, draws)

    def devices(self, targets: Sequence[str], study: str) -> Devices:
        """The devices, not reached yet."""
        pool = Pool(self._profile.devices, objectives=True, reach=self._reach, clock=self.clock, spawn=_at_once)
        return Devices(self._profile, targets, study, pool=pool)

    def watch(self, store: StudyStore) -> None:
        """Let the study's database be away when the calendar says so."""

        def refuse(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if self._outages.away(self.clock()):
                raise sqlalchemy.exc.OperationalError(statement, {}, ConnectionError("it is away (simulated)"))

        sqlalchemy.event.listen(store.database.engine, "before_cursor_execute", refuse)

    def _reach(self, name: str, _device: DeviceProfile) -> _SimulatedReach:
        return _SimulatedReach(name, self.clock, self.fates)


class _SimulatedReach:
    """Reaches a simulated device, unless it is away."""

    def __init__(self, name: str, clock: VirtualClock, fates: Fates) -> None:
        self._name, self._clock, self._fates = name, clock, fates

    def __call__(self) -> Contact:
        if self._fates.device(self._name).away(self._clock()):
            raise DeviceAwayError(f"device {self._name!r} is away")
        return Contact(address=Address(url=f"https://{self._name}.invalid"), info=device_info(self._name))

    def close(self) -> None:
        return


def _at_once(work: Callable[[], object]) -> None:
    work()


def _check(profile: Profile) -> None:
    simulate, ray = profile.simulate, profile.ray
    assert simulate is not None
    needs = [
        ("training_cpus", ray.training_cpus, "node_cpus", simulate.node_cpus),
        ("export_cpus", ray.export_cpus, "node_cpus", simulate.node_cpus),
        ("training_gpus", ray.training_gpus, "node_gpus", simulate.node_gpus),
    ]
    for key, wanted, most_key, most in needs:
        if wanted > most:
            raise ConfigError(f"ray.{key} = {wanted:g} is more than simulate.{most_key} = {most}; lower it")
