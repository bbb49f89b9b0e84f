"""The nodes of a Ray cluster: what they have, read anew while a study runs, and whether it is enough for a profile."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mqn.errors import ClusterError, ConfigError
from mqn.profile_tables.ray import RayProfile
from mqn.search.engine.head import ask_nodes
from mqn.search.work.engine import Capacity

_READ_SECONDS = 1.0
_FIRST_PATIENCE_SECONDS, _PATIENCE_SECONDS = 30.0, 2.0
_SILENCE_SECONDS = 10.0
_INTERNAL = ("node:", "object_store_memory", "accelerator_type:")
"""Beginnings of the names of resources that no job asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of a cluster.

    Attributes:
        id: Ray's.
        amounts: what it has, by Ray's names of resources.
        labels: by key.
        address: its own resource, `node:ADDRESS`, of which every node has 1; empty: it has none.
    """

    id: str
    amounts: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""

    @property
    def cpus(self) -> float:
        """Its processors."""
        return self.amounts.get("CPU", 0.0)

    @classmethod
    def from_ray(cls, plain: Mapping[str, Any]) -> Node:
        """A node as `ray.nodes()` tells of it."""
        amounts = plain["Resources"]
        own = (name for name in amounts if name.startswith("node:") and not name.startswith("node:__"))
        return cls(
            id=plain["NodeID"],
            amounts={name: amount for name, amount in amounts.items() if not name.startswith(_INTERNAL)},
            labels=plain.get("Labels") or {},
            address=next(own, ""),
        )


def read_nodes(patience_seconds: float = _FIRST_PATIENCE_SECONDS) -> list[Node]:
    """Ask Ray which nodes are there. Raises `ClusterError` if its head does not answer."""
    return [Node.from_ray(plain) for plain in ask_nodes(patience_seconds)]


class Nodes:
    """The nodes while a study runs. A cluster's are read anew when asked for, at most once a second."""

    def __init__(
        self,
        own_id: str,
        profile: RayProfile,
        read: Callable[[float], list[Node]] = read_nodes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read them for the first time. `own_id` is the node that the driver runs on."""
        self._own_id, self._profile, self._read, self._clock = own_id, profile, read, clock
        self.all = read(_FIRST_PATIENCE_SECONDS)
        self._read_at = self._answered_at = clock()
        self._gone: frozenset[str] = frozenset()

    @property
    def own(self) -> Node:
        """The driver's node; one without anything where the driver runs outside of the cluster."""
        return next((node for node in self.all if node.id == self._own_id), Node(id=self._own_id))

    @property
    def capacity(self) -> Capacity:
        """What they have together."""
        self._refresh()
        return capacity_of(self.all, self.own.cpus, self._profile)

    def take_gone(self) -> frozenset[str]:
        """The ids of nodes that went since this was last asked."""
        self._refresh()
        gone, self._gone = self._gone, frozenset()
        return gone

    def _refresh(self) -> None:
        # A Ray that was started here stays as it is.
        if self._profile.local or self._clock() - self._read_at < _READ_SECONDS:
            return
        try:
            found = self._read(_PATIENCE_SECONDS)
        except ClusterError:
            self._read_at = self._clock()
            return
        self._read_at = self._answered_at = self._clock()
        self._gone |= {node.id for node in self.all} - {node.id for node in found}
        self.all = found

    def look(self) -> None:
        """Read them again. Raises `ClusterError` if the head has not answered for a while."""
        self._refresh()
        self.check_answers()

    def check_answers(self) -> None:
        """Raise `ClusterError` if the head has not answered for a while. After a minute Ray would end this process."""
        if self._read_at - self._answered_at >= _SILENCE_SECONDS:
            raise ClusterError(f"Ray's head has not answered for {self._read_at - self._answered_at:.0f} s")


def capacity_of(nodes: Sequence[Node], own_cpus: float, profile: RayProfile) -> Capacity:
    """What nodes have together, or may grow to.

    Jobs beyond what is there wait in Ray, whose autoscaler starts nodes for what waits there: up to the bound of the
    profile.
    """
    amounts: Counter[str] = Counter()
    for node in nodes:
        amounts.update(node.amounts)
    grown: dict[str, float] = dict(amounts)
    if profile.autoscale is not None:
        for name, most in (("CPU", profile.autoscale.cpus), ("GPU", profile.autoscale.gpus)):
            grown[name] = max(grown.get(name, 0.0), most)
        # Of these a profile has no bound: processors and GPUs run out first.
        grown |= dict.fromkeys(("memory", *profile.training_resources), math.inf)
    return Capacity(amounts=grown, own_cpus=own_cpus, nodes=len(nodes))


def check_needs(nodes: Sequence[Node], profile: RayProfile) -> str:
    """Check that some node can do each kind of job, for Ray would wait for ever for what no node has.

    Returns:
        A line on what has to come first where the cluster starts nodes on demand; empty: all is there.

    Raises:
        ConfigError: no node can, nor will.
    """
    missing = _missing(nodes, profile)
    if not missing:
        return ""
    if profile.autoscale is None:
        more = "" if profile.local else ", or add machines"
        raise ConfigError(f"{missing}; {_inventory(nodes)}; lower it in the profile{more}")
    for name, most in (("CPU", profile.autoscale.cpus), ("GPU", profile.autoscale.gpus)):
        wanted = max(profile.training.get(name, 0.0), profile.export_cpus if name == "CPU" else 0.0)
        if wanted > most:
            raise ConfigError(
                f"ray.autoscale.{name.lower()}s = {most:g}, but one job takes {wanted:g}; raise it in the profile"
            )
    return f"{missing}; {_inventory(nodes)}; jobs wait until the cluster has grown (ray.autoscale)"


def await_needs(
    nodes: Nodes,
    profile: RayProfile,
    tell: Callable[[str], object],
    patience_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> str:
    """As `check_needs`, but give a cluster some time: after its head has come anew, its machines follow.

    Args:
        nodes: the cluster's.
        profile: what is needed.
        tell: told in a line that machines are waited for.
        patience_seconds: how long; 0: not at all. A Ray of our own and one that grows by itself are not waited for.
        clock: monotonic seconds.
        sleep: waits between two looks.

    Raises:
        ConfigError: no node can do some kind of job, nor will.
        ClusterError: the head has gone meanwhile.
    """
    began, told = clock(), False
    while True:
        try:
            return check_needs(nodes.all, profile)
        except ConfigError as error:
            if profile.local or profile.autoscale is not None or clock() - began >= patience_seconds:
                raise
            if not told:
                tell(f"{error}: waiting for these, up to {patience_seconds / 60:.0f} minutes")
                told = True
        sleep(_READ_SECONDS)
        nodes.look()


def _missing(nodes: Sequence[Node], profile: RayProfile) -> str:
    """What no node has, in the words of the profile; empty: all is there."""
    keys = {"CPU": "training_cpus", "GPU": "training_gpus", "memory": "training_memory_mb"}
    needs = [(keys.get(name, f"training_resources.{name}"), name, most) for name, most in profile.training.items()]
    for key, name, wanted in (*needs, ("export_cpus", "CPU", profile.export_cpus)):
        most = max((node.amounts.get(name, 0.0) for node in nodes), default=0.0)
        if wanted > most:
            scale = 1e6 if name == "memory" else 1.0
            return f"ray.{key} = {wanted / scale:g}, but no machine has more than {most / scale:g}"
    if not any(
        all(node.amounts.get(name, 0.0) >= wanted for name, wanted in profile.training.items()) for node in nodes
    ):
        words = ", ".join(f"ray.{key} = {wanted / (1e6 if name == 'memory' else 1):g}" for key, name, wanted in needs)
        return f"{words}: no machine has all of that"
    for key in ("training_labels", "export_labels", "measure_labels"):
        for label, value in getattr(profile, key).items():
            plain = not value.startswith(("!", "in(")) and value
            if plain and all(node.labels.get(label) != value for node in nodes):
                return f"ray.{key}: no machine has the label {label} = {value}"
    return ""


def _inventory(nodes: Sequence[Node]) -> str:
    cpus, gpus = (sum(node.amounts.get(name, 0.0) for node in nodes) for name in ("CPU", "GPU"))
    machines = "1 machine is" if len(nodes) == 1 else f"{len(nodes)} machines are"
    return f"{machines} there, with {cpus:g} processors and {gpus:g} GPUs in all"
