"""What studies stand on while faults happen: servers, a Ray cluster, agents, a disk, clocks, all of the lab's own.

Between drivers and each server lies a line that can be cut. Where this is root and the kernel allows it, one of Ray's
nodes has a network of its own, and the artifacts a small disk. With S3 in place of that disk, that node sees none of
the folders here.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.faults.clock import Clock, build_clock, can_shift
from tests.support.rigs.agent import Agent
from tests.support.rigs.line import Line
from tests.support.rigs.mlflow import Mlflow
from tests.support.rigs.namespace import Namespace
from tests.support.rigs.postgres import Postgres
from tests.support.rigs.ray_cluster import RayCluster, RayNode
from tests.support.rigs.s3 import S3

DISK_MB, NODE_CPUS, PLACES = 64, 4, ("near", "far")
# A node that is silent is given up after some seconds; by default it takes Ray a minute.
HEALTH = {
    "health_check_initial_delay_ms": 3000,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 5,
}


@dataclass(kw_only=True)
class Field:
    """All that may fail.

    Attributes:
        folder: holds everything here.
        database: PostgreSQL.
        database_line: leads drivers to it.
        tracker: MLflow's server.
        tracker_line: leads drivers to it.
        cluster: Ray; its nodes have the names of `PLACES`.
        agents: the devices, all of one kind.
        there: the network of the node `far`; None where it has none of its own.
        s3: where artifacts lie; None: on the disk.
        disk: a folder; artifacts, if they do not lie in S3, and the homes of drivers.
        mounted: whether the disk is small and has no other user.
        clock_library: shifts clocks; None where there is no compiler.
        clocks: those of the nodes and of the machines that drivers run on; empty where clocks cannot be shifted.
        nodes: those that run, by place.
        keep: whether the folder is to stay, for whoever looks into it.
    """

    folder: Path
    database: Postgres
    database_line: Line
    tracker: Mlflow
    tracker_line: Line
    cluster: RayCluster
    agents: list[Agent]
    there: Namespace | None
    s3: S3 | None
    disk: Path
    mounted: bool
    clock_library: Path | None
    clocks: dict[str, Clock] = field(default_factory=dict)
    nodes: dict[str, RayNode] = field(default_factory=dict)
    keep: bool = False

    @property
    def database_url(self) -> str:
        """Of the database, past its line."""
        return self.database.url.replace(f":{self.database.port}/", f":{self.database_line.port}/")

    @property
    def tracker_url(self) -> str:
        """Of the tracking server, past its line."""
        return f"http://127.0.0.1:{self.tracker_line.port}"

    @property
    def artifacts(self) -> str:
        """Where artifacts lie: a folder or a URL."""
        return f"{self.s3.url}/artifacts" if self.s3 is not None else str(self.disk / "artifacts")

    @property
    def storage_environment(self) -> dict[str, str]:
        """Variables by which artifacts are found."""
        return {} if self.s3 is None else self.s3.environment

    def clock(self, place: str) -> dict[str, str]:
        """The environment of processes that have the clock of one machine."""
        if self.clock_library is None:
            return {}
        if place not in self.clocks:
            self.clocks[place] = Clock(self.clock_library, self.folder / f"{place}.clock")
        return self.clocks[place].environment

    def add_node(self, place: str) -> None:
        """Start one of the nodes, unless it is there."""
        if place in self.nodes:
            return
        away = self.there if place == "far" else None
        environment = {"MQN_HOME": str(self.folder / "nodes" / place), **self.storage_environment, **self.clock(place)}
        self.nodes[place] = self.cluster.add_node(
            cpus=NODE_CPUS,
            environment=environment,
            namespace=away,
            hidden=[self.disk] if away is not None and self.s3 is not None else (),
        )

    def kill_node(self, place: str) -> None:
        """Kill one of the nodes, as when its machine loses its power."""
        self.cluster.kill_node(self.nodes.pop(place))

    def workers(self) -> list[int]:
        """The processes that do a job now."""
        return [pid for node in list(self.nodes.values()) for pid in node.pids("ray::perform")]


@contextlib.contextmanager
def open_field(*, with_s3: bool, network: int) -> Iterator[Field]:
    """Set everything up, and clear it away.

    Args:
        with_s3: whether artifacts lie in S3, instead of on a small disk.
        network: number of the lab's network among others on this machine, 1 to 250.

    Yields:
        The field; two nodes run. Its folder stays where the block raises, or `keep` is set.
    """
    root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="mqf-", dir="/tmp"))
    folder.chmod(0o755)
    host = f"10.77.{network}.1" if root else "127.0.0.2"
    with contextlib.ExitStack() as stack:
        mounted = stack.enter_context(small_disk(folder / "disk", DISK_MB))
        database, tracker = stack.enter_context(Postgres()), stack.enter_context(Mlflow())
        database_line, tracker_line = _line(stack, database.port), _line(stack, tracker.port)
        there = None
        if root:
            there = stack.enter_context(Namespace(f"mqf{network}", host=host, guest=f"10.77.{network}.2"))
        s3 = stack.enter_context(S3(host)) if with_s3 else None
        agents = [stack.enter_context(Agent(folder / f"board{number}")) for number in (1, 2)]
        if there is not None:
            for agent in agents:  # The namespace has a loopback of its own, on which it finds them too.
                outside = _line(stack, agent.line.port, host)
                words = [str(agent.line.port), str(outside.port), host]
                there.popen([sys.executable, "-m", "tests.support.rigs.line", *words], cwd=Path.cwd())
        tokens = {f"BOARD{number}": agent.token for number, agent in enumerate(agents, 1)}
        # A driver's device is measured from its own node, which may be the head: it has to see the artifacts too.
        environment = tokens if s3 is None else {**tokens, **s3.environment}
        cluster = stack.enter_context(RayCluster(host=host, environment=environment, system_config=HEALTH))
        stage = Field(
            folder=folder,
            database=database,
            database_line=database_line,
            tracker=tracker,
            tracker_line=tracker_line,
            cluster=cluster,
            agents=agents,
            there=there,
            s3=s3,
            disk=folder / "disk",
            mounted=mounted,
            clock_library=build_clock(folder) if can_shift() else None,
        )
        for place in PLACES:
            stage.add_node(place)
        yield stage
        if stage.mounted and stage.keep:
            shutil.copytree(stage.disk, folder / "kept", dirs_exist_ok=True)
    if not stage.keep:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """A file system of its own at a folder; yields whether it could be made: root may."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def _line(stack: contextlib.ExitStack, port: int, host: str = "127.0.0.1") -> Line:
    line = Line(port, host)
    stack.callback(line.close)
    return line
