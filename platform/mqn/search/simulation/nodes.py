"""Machines of a simulated cluster: what is free on each, which workers are warm, when one is taken away."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from mqn.profile_tables.simulate import SimulateProfile
from mqn.search.simulation.draws import Calendar, Draws
from mqn.search.work.jobs import Resources

_NOTHING_FREE = 1e-9


@dataclass(slots=True, eq=False)
class Node:
    """One machine.

    Attributes:
        name: of the machine; one that takes its place has another.
        number: of its place in the cluster.
        cpus: processors that are free.
        gpus: GPUs that are free.
        running: handles of the jobs that run on it.
        warm: idle workers by pool: processes that are there already.
        up: whether it is there.
    """

    name: str
    number: int
    cpus: float
    gpus: float
    running: set[int] = field(default_factory=set)
    warm: Counter[str] = field(default_factory=Counter)
    up: bool = True

    def fits(self, resources: Resources) -> bool:
        """Whether a job can begin here now."""
        free = self.cpus - resources.cpus > -_NOTHING_FREE and self.gpus - resources.gpus > -_NOTHING_FREE
        return self.up and free

    def take(self, handle: int, resources: Resources) -> bool:
        """Begin a job. Returns whether a worker was warm."""
        self.cpus -= resources.cpus
        self.gpus -= resources.gpus
        self.running.add(handle)
        warm = self.warm[resources.pool] > 0
        self.warm[resources.pool] -= warm
        return warm

    def give_back(self, handle: int, resources: Resources, *, worker_lost: bool) -> None:
        """End a job."""
        self.cpus += resources.cpus
        self.gpus += resources.gpus
        self.running.discard(handle)
        self.warm[resources.pool] += not worker_lost


class Nodes:
    """All machines of a cluster; `up` is how many are there. A job goes to the machine with the most that is free."""

    def __init__(self, profile: SimulateProfile, draws: Draws) -> None:
        """Begin with every machine there."""
        self._profile = profile
        self._count = 0
        self.up = profile.nodes
        self.every = [self._make(number) for number in range(profile.nodes)]
        self.calendars = [Calendar(profile.failures.nodes, draws.of("node", number)) for number in range(profile.nodes)]

    def find(self, resources: Resources) -> Node | None:
        """The machine for a job; None while none has room."""
        best = max(self.every, key=_room)
        if best.fits(resources):
            return best
        return next((node for node in self.every if node.fits(resources)), None)

    def take_away(self, number: int) -> Node:
        """A machine goes; what ran on it is the caller's to end."""
        node = self.every[number]
        node.up = False
        self.up -= 1
        return node

    def bring(self, number: int) -> None:
        """A new machine takes the place of one that went."""
        self.every[number] = self._make(number)
        self.up += 1

    def _make(self, number: int) -> Node:
        self._count += 1
        name = f"node-{self._count:04d}"
        return Node(name=name, number=number, cpus=self._profile.node_cpus, gpus=self._profile.node_gpus)


def _room(node: Node) -> tuple[bool, float, float]:
    return node.up, node.gpus, node.cpus
