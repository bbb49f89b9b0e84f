"""The part of a runner profile that says where stages run, and what they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

_MOST_PROCESSORS = 100_000
_MOST_MEMORY_MB = 100_000_000
_LEAST_WEIGHT, _MOST_PRIORITY = 0.001, 1000
LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscaleProfile:
    """How far a cluster that starts machines on demand may grow for a study.

    Attributes:
        cpus: processors that its jobs may take in all, those of machines that are still to come included.
        gpus: likewise.
    """

    cpus: float
    gpus: float = 0

    def __post_init__(self) -> None:
        for name in ("cpus", "gpus"):
            _check_amount(f"autoscale.{name}", getattr(self, name), _MOST_PROCESSORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RayProfile:
    """Where stages run.

    Attributes:
        address: `local` starts Ray on this machine, `auto` joins a running cluster, `host:port` one elsewhere,
            `ray://host:port` uses a client.
        cpus: processors that a local Ray may use; None: all.
        gpus: likewise; None: all that are found.
        training_cpus: processors of one training.
        training_gpus: share of a GPU that one training takes.
        training_memory_mb: memory that is set aside for one training; 0: none.
        training_resources: amounts of the cluster's own resources that one training takes, by name.
        training_labels: labels that a node must have for a training.
        export_cpus: processors of one conversion or quantization.
        export_labels: labels that a node must have for conversions, quantizations and scores.
        measure_labels: labels of the nodes that reach the devices' agents.
        autoscale: how far the cluster may grow; None: it has what is there.
        package: `ship` brings our own package to the workers, `installed` takes the one that they have. None: it is
            brought to a cluster that is joined.
        modules: folders of Python packages that are brought to the workers too, such as a family of networks of yours.
        weight: of two studies that want more of a shared cluster than there is, one of twice the weight gets twice as
            much.
        priority: studies of a higher one come first, whatever the weights.
        home: `$MQN_HOME` of workers of a cluster that is joined; empty: the driver's.
    """

    address: str = LOCAL
    cpus: int | None = None
    gpus: int | None = None
    training_cpus: float = 2
    training_gpus: float = 0
    training_memory_mb: float = 0
    training_resources: dict[str, float] = field(default_factory=dict)
    training_labels: dict[str, str] = field(default_factory=dict)
    export_cpus: float = 1
    export_labels: dict[str, str] = field(default_factory=dict)
    measure_labels: dict[str, str] = field(default_factory=dict)
    autoscale: AutoscaleProfile | None = None
    package: Literal["ship", "installed"] | None = None
    modules: tuple[str, ...] = ()
    weight: float = 1.0
    priority: int = 0
    home: str = ""

    def __post_init__(self) -> None:
        for name in ("cpus", "gpus", "training_cpus", "training_gpus", "export_cpus"):
            _check_amount(name, getattr(self, name), _MOST_PROCESSORS)
        _check_amount("training_memory_mb", self.training_memory_mb, _MOST_MEMORY_MB)
        if not _LEAST_WEIGHT <= self.weight <= 1 / _LEAST_WEIGHT:
            raise ValueError(f"weight = {self.weight:g} must be {_LEAST_WEIGHT:g} to {1 / _LEAST_WEIGHT:g}")
        if not -_MOST_PRIORITY <= self.priority <= _MOST_PRIORITY:
            raise ValueError(f"priority = {self.priority} must be -{_MOST_PRIORITY} to {_MOST_PRIORITY}")
        for name, amount in self.training_resources.items():
            _check_amount(f"training_resources.{name}", amount, _MOST_PROCESSORS)

    @property
    def local(self) -> bool:
        """Whether Ray is started here for the study alone."""
        return self.address == LOCAL

    @property
    def ships(self) -> bool:
        """Whether our own package is brought to the workers."""
        return not self.local if self.package is None else self.package == "ship"

    @property
    def training(self) -> Mapping[str, float]:
        """What one training takes, by Ray's names of resources."""
        named = {"CPU": self.training_cpus, "GPU": self.training_gpus, "memory": 1e6 * self.training_memory_mb}
        return {name: amount for name, amount in (named | self.training_resources).items() if amount > 0}


def _check_amount(name: str, number: float | None, most: float) -> None:
    if number is not None and not 0 <= number <= most:
        raise ValueError(f"{name} = {number} must not be negative, nor above {most}")
