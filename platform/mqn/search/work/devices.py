"""The devices of a study. Which of them does a measurement is decided when the measurement begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from mqn.device.lease import name_holder
from mqn.device.pool.pool import DeviceReport, Pool
from mqn.device.pool.state_bounds import bounds_of
from mqn.errors import ConfigError, DeviceError
from mqn.profile import Profile
from mqn.records import DeviceInfo
from mqn.search.work.jobs import Job, Outcome, Resources


class Devices:
    """Reaches every device of a study when it begins, and places its measurements while it runs."""

    def __init__(self, profile: Profile, targets: Sequence[str], study: str, *, pool: Pool | None = None) -> None:
        """Remember the devices; nothing is reached yet.

        Args:
            profile: names them, and says how is measured.
            targets: what every trial is measured on (`mqn.device.pool.targets`).
            study: holds the leases.
            pool: of the profile's devices; made here unless given.
        """
        self.targets = tuple(targets)
        self._profile = profile
        self.holder = name_holder(study)
        self._pool = pool or Pool(profile.devices, objectives=True)

    def __enter__(self) -> Self:
        """Reach them all; of each target one must be there.

        Raises:
            DeviceAwayError: none of a target is.
            DeviceRefusedError: one refuses.
        """
        try:
            self._pool.reach(self.targets)
        except BaseException:
            self._pool.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def identity(self, target: str) -> str | None:
        """The id of the device that a target names; None where it may be any of several."""
        if target not in self._profile.devices:
            return None
        info = self._pool.info(target)
        return None if info is None else info.id

    def identities(self) -> dict[str, str]:
        """The id of the device that each target names, leaving out those that may be any of several."""
        found = {target: self.identity(target) for target in self.targets}
        return {target: identity for target, identity in found.items() if identity is not None}

    def paired(self, target: str) -> bool:
        """Whether models are measured in turns with a reference model on a target.

        Raises:
            ConfigError: the target may be any of several devices, and such a figure is true of one.
        """
        members = [name for name in self._pool.members(target) if self._profile.devices[name].paired]
        if members and target not in self._profile.devices:
            raise ConfigError(
                f"device {members[0]!r} is paired with a reference model, so a study must name it as its target, not "
                f"{target!r}"
            )
        return bool(members)

    def example(self, target: str) -> str | None:
        """The id of a device that will do for a target; None where none was reached."""
        infos = (self._pool.info(name) for name in self._pool.members(target))
        return next((info.id for info in infos if info is not None), None)

    def like(self, target: str) -> DeviceInfo:
        """A device of a target, which stands for all of them: they have one kind of processor, and one runtime.

        Raises:
            ConfigError: two that were reached differ in that.
        """
        infos = {name: info for name in self._pool.members(target) if (info := self._pool.info(name)) is not None}
        first, found = next(iter(infos.items()))
        for name, info in infos.items():
            if info.processor != found.processor:
                raise ConfigError(
                    f"target {target!r} means {first} and {name}, and a file is tuned for one kind of processor and "
                    "runtime: name one of them as the target, or set gate.tune = 'no'"
                )
        return found

    def place(self, job: Job) -> Job | None:
        """The job on the device of its target that is free and was unused for longest; None while none is."""
        assert job.target is not None
        name = self._pool.choose(job.target)
        if name is None:
            return None
        device, info = self._profile.devices[name], self._pool.info(name)
        assert info is not None, f"{name} was not reached"
        extra = {
            "device": name,
            "device_id": info.id,
            "address": self._pool.address(name),
            "bounds": bounds_of(name, device),
        }
        return replace(
            job,
            arguments={**job.arguments, **extra},
            # Beside a device of its own a measurement only waits.
            resources=Resources(
                cpus=1 if device.alone else 0, exclusive=device.alone, local=device.backend is not None
            ),
        )

    def absent(self, job: Job) -> str:
        """Why no device of a job's target is there."""
        assert job.target is not None
        return self._pool.absent(job.target)

    def begin(self, job: Job) -> None:
        """A placed job begins."""
        self._pool.begin(job.arguments["device"])

    def end(self, job: Job, outcome: Outcome) -> None:
        """It has ended."""
        error = outcome.exception() if outcome.error is not None else None
        self._pool.end(job.arguments["device"], error if isinstance(error, DeviceError) else None)

    def report(self) -> tuple[DeviceReport, ...]:
        """How every device stands that the study may use."""
        used = {name for target in self.targets for name in self._pool.members(target)}
        return tuple(report for report in self._pool.report() if report.name in used)
