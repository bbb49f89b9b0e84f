"""Runs jobs as Ray tasks with their own resources."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, Self

from mqn import cluster
from mqn.errors import ClusterError, ConfigError
from mqn.home import home
from mqn.profile_tables.ray import RayProfile
from mqn.search.artifacts import ArtifactStore
from mqn.search.engine.endings import node_lost, outcome_of
from mqn.search.engine.nodes import Nodes, await_needs
from mqn.search.engine.placement import bound, task_options
from mqn.search.engine.probing import probe_nodes
from mqn.search.engine.sightings import Sightings, perform_noted
from mqn.search.sharing.share import Share
from mqn.search.sharing.shares import Claim
from mqn.search.work.data_place import DataPlace
from mqn.search.work.engine import Capacity, Demand
from mqn.search.work.jobs import Job, Outcome, perform

_WORKER_LIFE_MS = 30 * 60 * 1000
_OBJECT_STORE_BYTES = 128 * 1024 * 1024


class RayEngine:
    """Runs jobs as Ray tasks.

    Training workers are a pool of their own, with the thread count of the profile, so that a training repeats itself
    exactly. All others are Ray's plain workers, which it starts beforehand and gives one thread a processor. Workers
    of a Ray that was started here live for half an hour without work, so that imports stay warm between trials, and
    keep their export process (`mqn.export.process`). Ray itself tries nothing again: the scheduler does.
    """

    def __init__(
        self, profile: RayProfile, tell: Callable[[str], object] = lambda _: None, *, patience_seconds: float = 0.0
    ) -> None:
        """Start or join Ray.

        Args:
            profile: which Ray, and what jobs take.
            tell: told what jobs have to wait for.
            patience_seconds: how long a cluster whose machines do not suffice is given until they do.

        Raises:
            ConfigError: the profile asks for more than there is, or Ray cannot be joined.
            ClusterError: Ray does not start.
        """
        self._profile, self._tell = profile, tell
        self._demand: Demand | None = None
        self._share: Share | None = None
        self._begin()
        try:
            waits = await_needs(self._nodes, profile, tell, patience_seconds)
        except BaseException:
            self.close()
            raise
        if waits:
            tell(waits)

    @property
    def capacity(self) -> Capacity:
        """What the nodes have now, and this driver's share of it. A cluster is asked at most once a second."""
        found = self._nodes.capacity
        if self._share is None or self._demand is None:
            return found
        told = self._share.ask(found.amounts, lambda: self._claim(found))
        return found if told is None else replace(found, share=told)

    def share_by(self, demand: Demand) -> None:
        """Share a cluster that is joined with the studies of other drivers.

        Args:
            demand: see `Demand`.
        """
        self._demand = demand

    def _claim(self, capacity: Capacity) -> Claim:
        wanted, largest = self._demand(capacity) if self._demand is not None else ({}, {})
        return Claim(weight=self._profile.weight, priority=self._profile.priority, wanted=wanted, unit=largest)

    def probe(self, store: ArtifactStore, data: DataPlace) -> None:
        """Make sure that every node of a cluster sees the artifacts and the pictures.

        Raises:
            StudyError: one does not; names node and place.
        """
        if not self._profile.local:
            probe_nodes(store, data, self._nodes.own.id)

    def submit(self, store: ArtifactStore, job: Job) -> Hashable:
        """Hand a job to Ray. While an exclusive job waits or runs, others keep off the driver's node."""
        elsewhere = bool(self._exclusive) and not bound(job) and not self.capacity.single
        kind = (job.resources, job.target is None, elsewhere)
        with cluster.named_faults():
            if kind not in self._tasks:
                own = self._nodes.own
                options = task_options(job, self._profile, own, elsewhere=elsewhere)
                if bound(job):
                    strategy = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
                    options["scheduling_strategy"] = strategy(node_id=own.id, soft=False)
                function = perform if self._profile.local else perform_noted
                self._tasks[kind] = self._ray.remote(function).options(**options)
            if self._profile.local:  # Its only node goes together with the driver.
                return self._tasks[kind].remote(store, job, capture=True)
            note = Sightings.new_note()
            handle: Hashable = self._tasks[kind].remote(store, job, note)
            self._sightings.expect(handle, note)
        if job.resources.exclusive:
            self._exclusive.add(handle)
        elif elsewhere:
            self._elsewhere.add(handle)
        return handle

    def wait(self, handles: Sequence[Hashable], timeout: float) -> list[Hashable]:
        """Wait for a task to end."""
        with cluster.named_faults():
            self._give_up()
            if self._lost and (lost := [handle for handle in handles if handle in self._lost]):
                return lost
            ended, _ = self._ray.wait(list(handles), num_returns=1, timeout=timeout)
            if ended:  # Others may have ended at the same time.
                ended, _ = self._ray.wait(list(handles), num_returns=len(handles), timeout=0)
        self._check_alive()
        return list(ended)

    def collect(self, handle: Hashable) -> Outcome:
        """A task's result. Raises `ClusterError` if Ray itself is gone."""
        self._exclusive.discard(handle)
        self._elsewhere.discard(handle)
        self._sightings.forget(handle)
        if handle in self._lost:
            return node_lost(begun=self._lost.pop(handle))
        return outcome_of(lambda: self._ray.get(handle), self._check_alive)

    def restart(self) -> None:
        """Leave what is left of Ray, and start or join it again. Raises `ClusterError` if it cannot be had."""
        self.close()
        try:
            self._begin()
        except ConfigError as error:  # It could be joined before.
            raise ClusterError(str(error)) from error

    def close(self) -> None:
        """Leave Ray; one that was started here ends with everything in it."""
        if self._share is not None:
            self._share.leave()
        cluster.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        self._start()
        import ray

        self._ray = ray
        self._tasks: dict[Any, Any] = {}
        self._exclusive: set[Hashable] = set()
        self._elsewhere: set[Hashable] = set()
        self._lost: dict[Hashable, bool] = {}  # Whether it had begun.
        self._share = None if self._profile.local else Share()
        self._sightings = Sightings()
        try:
            with cluster.named_faults():
                self._nodes = Nodes(ray.get_runtime_context().get_node_id(), self._profile)
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        profile = self._profile
        if not profile.local:
            try:
                cluster.join(profile.address, {"MQN_HOME": profile.home or str(home())}, profile=profile)
            except ConfigError as error:
                raise ConfigError(f"{error}; check ray.address in the profile") from error
            return
        if profile.autoscale is not None:
            raise ConfigError("ray.autoscale is for a cluster that is joined, not for ray.address = 'local'")
        wanted = int(-(-max(profile.training_cpus, profile.export_cpus, 1) // 1))
        cluster.start(
            # A machine with fewer processors than a training asks for runs one training at a time.
            cpus=profile.cpus if profile.cpus is not None else max(os.cpu_count() or 1, wanted),
            gpus=profile.gpus,
            object_store_bytes=_OBJECT_STORE_BYTES,
            system_config={
                "idle_worker_killing_time_threshold_ms": _WORKER_LIFE_MS,
                "preload_python_modules": [perform.__module__],
            },
            environment={"MQN_HOME": str(home())},
        )

    def _give_up(self) -> None:
        """Give up the tasks of nodes that went, and those that would wait for ever."""
        gone = self._nodes.take_gone()
        self._nodes.check_answers()
        if gone:
            lost, waiting = self._sightings.lost(gone)
            for handle in (*lost, *waiting):
                self._ray.cancel(handle)  # Of a node that is cut off and comes back, it ends the work.
            self._lost |= dict.fromkeys(lost, True) | dict.fromkeys(waiting, False)
        if self._elsewhere and self.capacity.single:  # No node is left that they may run on.
            for handle in self._elsewhere:
                self._ray.cancel(handle)
            self._elsewhere.clear()

    def _check_alive(self) -> None:
        name = cluster.ended()
        if name:
            raise ClusterError(f"Ray's process {name} ended on this machine")
