"""What the scheduler needs of an engine, which runs jobs, and what an engine says that it has."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mqn.search.artifacts import ArtifactStore
from mqn.search.work.jobs import Job, Outcome

_TINY = 1e-6  # Shares of processors and GPUs are added up: 0.1 ten times is not 1.


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What the machines of an engine have, taken together, at one moment.

    Attributes:
        amounts: amount of each resource by its name in `Resources.amounts`. Where machines are started on demand, it is
            what they may grow to.
        own_cpus: processors of the driver's machine, all of which an exclusive job takes; 0 where no other job may run
            there.
        nodes: machines that are there.
        share: what of it this driver may use, where it is bounded because other drivers use the machines too.
    """

    amounts: Mapping[str, float] = field(default_factory=dict)
    own_cpus: float = 0.0
    nodes: int = 1
    share: Mapping[str, float] = field(default_factory=dict)

    @property
    def cpus(self) -> float:
        """Processors in all."""
        return self.amounts.get("CPU", 0.0)

    @property
    def gpus(self) -> float:
        """GPUs in all."""
        return self.amounts.get("GPU", 0.0)

    @property
    def single(self) -> bool:
        """Whether the driver's machine is the only one with processors: an exclusive job has to run alone then."""
        return self.own_cpus > 0 and self.cpus <= self.own_cpus

    def admits(self, taken: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
        """Whether a job that wants so much may begin beside jobs that have taken so much."""
        return all(taken.get(name, 0.0) + amount <= self._usable(name) + _TINY for name, amount in wanted.items())

    def count(self, wanted: Mapping[str, float]) -> int:
        """How many jobs that want so much each may run at a time; 0 where there is not enough for one.

        `wanted` holds one resource at least.
        """
        return int(min(self._usable(name) / amount + _TINY for name, amount in wanted.items()))

    def _usable(self, name: str) -> float:
        amount = self.amounts.get(name, 0.0)
        return min(amount, self.share.get(name, amount))


Demand = Callable[[Capacity], tuple[dict[str, float], dict[str, float]]]
"""From what there is to what jobs that run and wait take together, by resource, and what the largest of them takes."""


class Engine(Protocol):
    """Runs jobs; submitting never waits."""

    @property
    def capacity(self) -> Capacity:
        """What there is now, also of machines that came while it runs. Cheap: may be asked at every step."""

    def submit(self, store: ArtifactStore, job: Job) -> Hashable:
        """Begin a job whose artifact goes into `store`; returns its handle."""

    def wait(self, handles: Sequence[Hashable], timeout: float) -> list[Hashable]:
        """Wait until a job has ended, for at most `timeout` seconds; returns the handles of all that have."""

    def collect(self, handle: Hashable) -> Outcome:
        """How a job ended; raises every error that is no `MqnError`.

        Submitting, waiting and collecting raise a `ClusterError` where the engine itself is gone.
        """

    def restart(self) -> None:
        """Begin anew after a `ClusterError`; what ran is lost."""

    def close(self) -> None:
        """Stop what still runs."""
