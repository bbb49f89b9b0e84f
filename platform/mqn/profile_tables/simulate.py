"""The profile's table `[simulate]`: a cluster, devices, times and failures that are drawn instead of lived through."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

KIND = "simulated"
"""The kind of every simulated device, so that each figure of one says what it is: `latency_ms/kind:simulated`."""

_MOST = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds that are drawn from a lognormal distribution.

    Attributes:
        median: half of the draws are below.
        spread: standard deviation of the natural logarithm; 0: always the median.
    """

    median: float
    spread: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.median < math.inf and 0 <= self.spread <= 3):
            raise ValueError(f"median {self.median:g} must not be negative, spread {self.spread:g} must be 0 to 3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """Times without something: how long it is there, and how long it is away.

    Attributes:
        every_hours: mean time between two outages of one thing, drawn exponentially; 0: there are none.
        seconds: how long one lasts, drawn exponentially with this mean.
    """

    every_hours: float = 0.0
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if not (0 <= self.every_hours < math.inf and 0 < self.seconds < math.inf):
            raise ValueError("every_hours must not be negative, seconds must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRates:
    """How often what fails.

    Attributes:
        candidate: share of trainings that fail through their candidate's fault; such trials fail.
        worker: share of jobs whose worker process is lost at some moment of the work.
        disturbed: share of measurements that the machine disturbs.
        nodes: each node is taken away, with all that runs on it, and a new one takes its place.
        devices: each device is away.
        database: the study's database does not answer.
        storage: the storage is slow.
        storage_factor: so many times longer reading and writing takes then.
    """

    candidate: float = 0.0
    worker: float = 0.0
    disturbed: float = 0.0
    nodes: Outages = field(default_factory=Outages)
    devices: Outages = field(default_factory=Outages)
    database: Outages = field(default_factory=Outages)
    storage: Outages = field(default_factory=Outages)
    storage_factor: float = 10.0

    def __post_init__(self) -> None:
        for name in ("candidate", "worker", "disturbed"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name):g} must be a share: at least 0, below 1")
        if not 1 <= self.storage_factor < math.inf:
            raise ValueError(f"storage_factor = {self.storage_factor:g} must be at least 1")


def _seconds() -> dict[str, Times]:
    return {"train": Times(median=600.0, spread=0.3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateProfile:
    """A cluster that exists in the driver's memory only.

    Attributes:
        seed: of every draw: times, failures, figures.
        nodes: machines that run jobs.
        node_cpus: processors of each.
        node_gpus: GPUs of each.
        devices: phones, each with an agent of its own.
        seconds: by stage (`train`, `convert`, ...): how long its work takes.
        overhead: what a job takes beside its work: until it begins, and until its end is known.
        worker_start: what the first job of a worker process takes more.
        storage: reading and publishing what a job needs and makes.
        look_seconds: so long the driver waits at most, in simulated time, before it looks again.
        failures: how often what fails.
    """

    seed: int = 0
    nodes: int = 32
    node_cpus: int = 8
    node_gpus: int = 0
    devices: int = 40
    seconds: dict[str, Times] = field(default_factory=_seconds)
    overhead: Times = field(default_factory=lambda: Times(median=0.05))
    worker_start: Times = field(default_factory=lambda: Times(median=5.0))
    storage: Times = field(default_factory=lambda: Times(median=0.1))
    look_seconds: float = 5.0
    failures: FailureRates = field(default_factory=FailureRates)

    def __post_init__(self) -> None:
        for name, low in (("nodes", 1), ("node_cpus", 1), ("node_gpus", 0), ("devices", 1)):
            if not low <= getattr(self, name) <= _MOST:
                raise ValueError(f"{name} = {getattr(self, name)} must be {low} to {_MOST}")
        if not 0.1 <= self.look_seconds <= 3600:
            raise ValueError(f"look_seconds = {self.look_seconds:g} must be 0.1 to 3600")

    def of_stage(self, stage: str) -> Times:
        """How long a stage's work takes; nothing where the profile does not say."""
        return self.seconds.get(stage, Times(median=0.0))


def device_names(simulate: SimulateProfile) -> Mapping[str, int]:
    """The names of the simulated devices, each with its number."""
    return {f"{KIND}-{number:03d}": number for number in range(simulate.devices)}
