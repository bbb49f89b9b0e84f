"""Where jobs run: Ray tasks with their own resources, or this very process."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from mqn import cluster
from mqn.errors import ClusterError, ConfigError, DiskError, ProcessLostError
from mqn.home import home
from mqn.profile import RayProfile
from mqn.search.jobs import Job, Outcome, perform

_WORKER_LIFE_MS = 30 * 60 * 1000
_OBJECT_STORE_BYTES = 128 * 1024 * 1024


class Engine(Protocol):
    """Runs jobs; submitting never waits."""

    capacity: float
    """Processors in all."""

    def submit(self, folder: Path, job: Job) -> Hashable:
        """Begin a job on the artifact store in `folder`; returns its handle."""

    def wait(self, handles: Sequence[Hashable], timeout: float) -> list[Hashable]:
        """Wait until a job has ended, for at most `timeout` seconds; returns the handles of all that have."""

    def collect(self, handle: Hashable) -> Outcome:
        """How an ended job ended; raises whatever is not a failure by name.

        Submitting, waiting and collecting raise a `ClusterError` where the engine itself is gone.
        """

    def restart(self) -> None:
        """Begin anew after a `ClusterError`; what ran is lost."""

    def close(self) -> None:
        """Stop what still runs."""


class InProcessEngine:
    """Runs a job when it is waited for, in this process: for tests and for looking into stages with a debugger."""

    def __init__(self, capacity: float = 4) -> None:
        """Pretend to have some processors."""
        self.capacity = capacity
        self._jobs: dict[Hashable, tuple[Path, Job]] = {}
        self._count = 0

    def submit(self, folder: Path, job: Job) -> Hashable:
        """Take a job on."""
        self._count += 1
        self._jobs[self._count] = (folder, job)
        return self._count

    def wait(self, handles: Sequence[Hashable], timeout: float) -> list[Hashable]:  # noqa: ARG002
        """The oldest job is the next that ends."""
        return list(handles[:1])

    def collect(self, handle: Hashable) -> Outcome:
        """Do the job now."""
        return perform(*self._jobs.pop(handle))

    def restart(self) -> None:
        """Forget what was not waited for."""
        self._jobs.clear()

    def close(self) -> None:
        """As `restart`."""
        self.restart()


class RayEngine:
    """Runs jobs as Ray tasks.

    Training workers are a pool of their own, with the thread count of the profile, so that a training repeats itself
    exactly. All others are Ray's plain workers, which it starts beforehand and gives one thread a processor. Workers
    of a Ray that was started here live for half an hour without work, so that imports stay warm between trials, and
    keep their export process (`mqn.export.process`). Ray itself tries nothing again: the scheduler does.
    """

    def __init__(self, profile: RayProfile) -> None:
        """Start or join Ray.

        Raises:
            ConfigError: the profile asks for more than there is, or Ray cannot be joined.
            ClusterError: Ray does not start.
        """
        self._profile = profile
        self._begin()

    def submit(self, folder: Path, job: Job) -> Hashable:
        """Hand a job to Ray."""
        resources = job.resources
        with cluster.named_faults():
            if resources not in self._tasks:
                options: dict[str, Any] = {
                    "num_cpus": self._own_cpus if resources.exclusive else resources.cpus,
                    "num_gpus": resources.gpus,
                    "max_retries": 0,
                }
                if resources.pool == "training":
                    options["runtime_env"] = {"env_vars": {"OMP_NUM_THREADS": str(max(1, int(resources.cpus)))}}
                if resources.exclusive or resources.local:
                    strategy = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
                    options["scheduling_strategy"] = strategy(node_id=self._node_id, soft=False)
                self._tasks[resources] = self._ray.remote(perform).options(**options)
            handle: Hashable = self._tasks[resources].remote(folder, job)
        return handle

    def wait(self, handles: Sequence[Hashable], timeout: float) -> list[Hashable]:
        """Wait for a task to end."""
        with cluster.named_faults():
            ended, _ = self._ray.wait(list(handles), num_returns=1, timeout=timeout)
            if ended:  # Others may have ended at the same time.
                ended, _ = self._ray.wait(list(handles), num_returns=len(handles), timeout=0)
        self._check_alive()
        return list(ended)

    def collect(self, handle: Hashable) -> Outcome:
        """A task's result.

        Raises:
            ClusterError: Ray itself is gone.
        """
        exceptions = self._ray.exceptions
        try:
            outcome: Outcome = self._ray.get(handle)
        except exceptions.RayTaskError as error:
            raise error.as_instanceof_cause() from None
        except exceptions.OutOfMemoryError:
            return Outcome.failed(ProcessLostError("its worker process was killed: the machine ran out of memory"))
        except exceptions.OutOfDiskError as error:
            return Outcome.failed(DiskError(f"Ray's disk is full: {str(error).splitlines()[0]}"))
        except exceptions.RayError as error:
            self._check_alive()
            return Outcome.failed(ProcessLostError(f"its worker process was lost ({type(error).__name__})"))
        except ConnectionError as error:
            raise ClusterError(f"Ray failed: {error}") from error
        return outcome

    def restart(self) -> None:
        """Leave what is left of Ray, and start or join it again.

        Raises:
            ClusterError: it cannot be had.
        """
        self.close()
        try:
            self._begin()
        except ConfigError as error:  # It could be joined before.
            raise ClusterError(str(error)) from error

    def close(self) -> None:
        """Leave Ray; one that was started here ends with everything in it."""
        cluster.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> None:
        self._start()
        import ray

        self._ray = ray
        self._tasks: dict[Any, Any] = {}
        try:
            with cluster.named_faults():
                nodes = [node for node in ray.nodes() if node["Alive"]]
                self._node_id = ray.get_runtime_context().get_node_id()
            own = next((node for node in nodes if node["NodeID"] == self._node_id), nodes[0])
            self._own_cpus = own["Resources"].get("CPU", 1.0)
            self.capacity = sum(node["Resources"].get("CPU", 0.0) for node in nodes)
            self._check(nodes)
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        profile, environment = self._profile, {"MQN_HOME": str(home())}
        if profile.address != "local":
            try:
                cluster.join(profile.address, environment)
            except ConfigError as error:
                raise ConfigError(f"{error}; check ray.address in the profile") from error
            return
        wanted = int(-(-max(profile.training_cpus, profile.export_cpus, 1) // 1))
        cluster.start(
            # A machine with fewer processors than a training asks for runs one training at a time.
            cpus=profile.cpus if profile.cpus is not None else max(os.cpu_count() or 1, wanted),
            gpus=profile.gpus,
            object_store_bytes=_OBJECT_STORE_BYTES,
            system_config={"idle_worker_killing_time_threshold_ms": _WORKER_LIFE_MS},
            environment=environment,
        )

    def _check_alive(self) -> None:
        name = cluster.ended()
        if name:
            raise ClusterError(f"Ray's process {name} ended on this machine")

    def _check(self, nodes: Sequence[dict[str, Any]]) -> None:
        """Ray would wait for ever for what no node has."""
        profile = self._profile
        needs = [("training_cpus", "CPU", profile.training_cpus), ("training_gpus", "GPU", profile.training_gpus)]
        for key, resource, wanted in [*needs, ("export_cpus", "CPU", profile.export_cpus)]:
            most = max(node["Resources"].get(resource, 0.0) for node in nodes)
            if wanted > most:
                raise ConfigError(
                    f"ray.{key} = {wanted:g}, but no machine has more than {most:g}; lower it in the profile"
                )
