"""Devices that come and go by a clock that a test holds in its hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mqn.device.pool.address import Address
from mqn.device.pool.member import Contact
from mqn.device.pool.pool import Pool
from mqn.errors import DeviceAwayError, DeviceError
from mqn.profile import DeviceProfile
from mqn.records import DeviceInfo

Gone = list[tuple[float, float]]


class FakeClock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class FakeReach:
    """Reaches a device, unless it is in one of its `gone` stretches; a test may change what it answers."""

    def __init__(self, clock: FakeClock, name: str, gone: Gone | None = None) -> None:
        self.clock, self.name, self.gone = clock, name, gone if gone is not None else []
        self.calls: list[float] = []
        self.closed = False
        self.id, self.emulated, self.runtime = f"{name}-1", False, "runtime 1"
        self.resting: Any = None
        self.refusal: DeviceError | None = None

    def __call__(self) -> Contact:
        self.calls.append(self.clock())
        self.check()
        if self.refusal is not None:
            raise self.refusal
        info = DeviceInfo(
            id=self.id,
            model=f"Model of {self.name}",
            soc="SoC",
            os="Linux",
            kernel="6",
            cores=4,
            memory_mb=512,
            runtime=self.runtime,
            agent_version="0",
            architecture="aarch64",
            emulated=self.emulated,
        )
        return Contact(address=Address(url=f"http://127.0.0.1/{self.name}"), info=info, resting=self.resting)

    def check(self) -> None:
        if any(begin <= self.clock() < end for begin, end in self.gone):
            raise DeviceAwayError(f"no agent answers at {self.name}")

    def close(self) -> None:
        self.closed = True


class FakeDevices:
    """The reaches of a pool, by name, and the pool's two ways of having them."""

    def __init__(self, clock: FakeClock, gone: Mapping[str, Gone] | None = None) -> None:
        self.clock, self.gone = clock, gone or {}
        self.reaches: dict[str, FakeReach] = {}
        self.probes: list[Callable[[], object]] = []

    def make(self, profiles: Mapping[str, DeviceProfile], *, later: bool = False, **options: Any) -> Pool:
        """A pool; its probes happen at once, or with `later` when the test does them."""
        return Pool(
            profiles,
            reach=self._reach,
            clock=self.clock,
            spawn=self.probes.append if later else lambda work: work(),
            **options,
        )

    def _reach(self, name: str, _: DeviceProfile) -> FakeReach:
        return self.reaches.setdefault(name, FakeReach(self.clock, name, self.gone.get(name)))
