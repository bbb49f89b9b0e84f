"""A Ray cluster of several nodes on one machine, each of them processes and a folder of its own.

    with RayCluster() as ray:                                 # the head has no processors
        near = ray.add_node(cpus=2)
        with ray.driver():                                    # this process joins, as `ray.address = "auto"` would
            ...
        subprocess.run([...], env={**os.environ, **ray.environment})     # another process can join `ray.address`
        ray.kill_node(near)                                   # as when a machine loses its power

    with Namespace("rig1", host="10.77.1.1", guest="10.77.1.2") as there, RayCluster(host="10.77.1.1") as ray:
        far = ray.add_node(cpus=2, namespace=there, hidden=[shared_folder], environment=s3.environment)
        there.cut()                                           # its network is gone; there.restore() brings it back

What Ray 2.60 needs for several nodes on one machine:

- A temporary folder for each (`--temp-dir`, which every node may have). Its sockets lie in
  `TEMP_DIR/SESSION/sockets`, the session's name is the head's for all nodes, and a path may have 107 bytes: the folder
  has a short name right under /tmp. A node started without the option takes the name of the head's folder.
- `--dashboard-agent-listen-port` of its own for each: 52365 is the default of all. All other ports are chosen
  free where they are left out; the head's own port and that of Ray's client server (10001) are named here.
- An address that is not 127.0.0.1: Ray replaces that one by an address of the network. 127.0.0.2 is loopback too, and
  Ray does not know it. Where a node has a network namespace, all others have the host's side of its cable.
- `--object-store-memory`, for each node would take 30 % of the machine's memory.
- A driver on this machine is joined to the head where one runs here, whatever other nodes do.
- `/proc` is shared by all nodes, `find_node_ids` of Ray reads it: a driver inside a namespace needs the whole address.

A node in a namespace also has mounts of its own: an empty /dev/shm, and empty folders in place of those that are
`hidden`. So it sees none of the artifacts, homes and other nodes' object stores that lie there.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mqn.net import telemetry
from tests.conftest import REPOSITORY
from tests.support.rigs.namespace import Namespace
from tests.support.rigs.processes import MARK, end_marked, marked
from tests.support.rigs.waiting import answers, free_port, wait_until

START_SECONDS = 240.0  # beside much other work
_HEAD_ID = "f" * 51 + "00000"  # what Ray's provider of nodes on one machine takes the head to be called
_HEAD_TYPE = "ray.head.default"
_UNUSED_LISTS = (
    *("initialization_commands", "setup_commands", "head_setup_commands", "worker_setup_commands"),
    *("head_start_ray_commands", "worker_start_ray_commands", "cluster_synced_files", "rsync_exclude", "rsync_filter"),
)
_SCALING = {
    "RAY_FAKE_CLUSTER": "1",
    "AUTOSCALER_UPDATE_INTERVAL_S": "1",
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_OVERRIDE_NODE_ID_FOR_TESTING": _HEAD_ID,
    "RAY_CLOUD_INSTANCE_ID": _HEAD_ID,
}
_OWN = ("RAY_AUTH", "RAY_ENABLE_WINDOWS")
OBJECT_STORE_BYTES = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RayNode:
    """A node of the cluster.

    Attributes:
        name: as Ray shows it (`NodeName`).
        mark: of its processes.
        folder: Ray's temporary folder of it, and its log.
        host: its address.
        process: what was started; Ray's processes descend from it.
    """

    name: str
    mark: str
    folder: Path
    host: str
    process: subprocess.Popen[bytes]

    def pids(self, *words: str) -> list[int]:
        """Its processes whose command has all the words, such as `raylet` or `ray::perform`."""
        found = []
        for pid in marked(self.mark):
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if all(word in command for word in words):
                    found.append(pid)
        return found

    @property
    def raylet(self) -> int:
        """The process that is the node, for Ray."""
        return next(pid for pid in self.pids("/raylet/raylet"))


class RayCluster:
    """A head, and nodes that come and go.

    Attributes:
        address: `HOST:PORT` of the head, for `ray.address` in a profile.
        client_address: `ray://HOST:PORT`.
        dashboard: `http://HOST:PORT` for `ray job submit`; only where it was asked for.
        environment: variables with which another process may join: the token.
        nodes: all that run but the head.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.2",
        dashboard: bool = False,
        python: str = sys.executable,
        token: bool = True,
        head_cpus: int = 0,
        environment: Mapping[str, str] | None = None,
        system_config: Mapping[str, Any] | None = None,
        worker_types: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Say what to start.

        Args:
            host: the head's address, and that of every node outside a namespace.
            dashboard: whether jobs can be submitted.
            python: the interpreter of the head, and so of submitted jobs.
            token: whether whoever joins needs one, as a Ray that the platform starts wants it.
            head_cpus: processors of the head.
            environment: variables of all nodes, and so of their workers, on top of this process's; the repository is
                on PYTHONPATH where `python` is this process's.
            system_config: Ray's internal settings, such as `health_check_period_ms`.
            worker_types: nodes that Ray's autoscaler starts on this machine for what waits, by name: their `resources`
                and `max_workers`. Their processes end with the head's.
        """
        self._host, self._cpus, self._with_dashboard, self._python = host, head_cpus, dashboard, python
        self._system_config, self._token = dict(system_config or {}), token
        self._extra = dict(environment or {})
        self._worker_types = worker_types
        self._port, self._client_port = free_port(host), free_port(host)
        self.address, self.client_address = f"{host}:{self._port}", f"ray://{host}:{self._client_port}"
        self._dashboard_port = free_port(host)
        self.dashboard = f"http://{host}:{self._dashboard_port}" if dashboard else ""
        self.nodes: list[RayNode] = []
        self.head: RayNode | None = None
        self._count = self._heads = 0

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="mqr-", dir="/tmp"))
        if self._token:
            path = self.folder / "token"
            path.write_text(secrets.token_hex(32))
            path.chmod(0o600)
            self.environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(path)}
        else:
            self.environment = {"RAY_AUTH_MODE": "disabled"}
        try:
            self.start_head()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start_head(self) -> RayNode:
        """Start the head, or another one at the same address after it was killed.

        The new one knows nothing of the old one's nodes, which end by themselves after a minute: add others.
        """
        self._heads += 1
        words = ["--head", f"--port={self._port}", f"--ray-client-server-port={self._client_port}"]
        words += [f"--include-dashboard={'true' if self._with_dashboard else 'false'}"]
        if self._with_dashboard:
            words += [f"--dashboard-host={self._host}", f"--dashboard-port={self._dashboard_port}"]
        if self._system_config:
            words += [f"--system-config={json.dumps(self._system_config)}"]
        scales = {} if self._worker_types is None else _SCALING
        if self._worker_types is not None:
            path = self.folder / "autoscaling.json"
            path.write_text(json.dumps(self._autoscaling(self._worker_types)))
            words += [f"--autoscaling-config={path}"]
        self.head = self._start(f"head{self._heads}", words, self._cpus, 0, {}, scales, None, (), self._python)
        wait_until(lambda: self._runs(self.head) and answers(self._host, self._port), START_SECONDS, "Ray's head")
        self._await_raylet(self.head)
        return self.head

    def _autoscaling(self, types: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """What Ray's autoscaler reads: nodes are processes of this machine."""
        workers = {
            name: {
                "node_config": {},
                "min_workers": 0,
                "max_workers": given["max_workers"],
                "resources": {**given["resources"], "object_store_memory": OBJECT_STORE_BYTES},
            }
            for name, given in types.items()
        }
        return {
            **{name: [] for name in _UNUSED_LISTS},
            "auth": {},
            "docker": {},
            "file_mounts": {},
            "file_mounts_sync_continuously": False,
            "cluster_name": "rig",
            "upscaling_speed": 1.0,
            "max_workers": sum(given["max_workers"] for given in types.values()),
            "idle_timeout_minutes": 10,
            "provider": {"type": "fake_multinode", "gcs_address": self.address, "head_node_id": _HEAD_ID},
            "head_node_type": _HEAD_TYPE,
            "available_node_types": {
                _HEAD_TYPE: {"node_config": {}, "max_workers": 0, "resources": {"CPU": self._cpus}},
                **workers,
            },
        }

    def add_node(
        self,
        *,
        cpus: int = 1,
        gpus: int = 0,
        resources: Mapping[str, float] | None = None,
        environment: Mapping[str, str] | None = None,
        namespace: Namespace | None = None,
        hidden: Sequence[Path] = (),
        python: str = sys.executable,
    ) -> RayNode:
        """Start a node, and wait until Ray has it.

        Args:
            cpus: its processors, as it says.
            gpus: its GPUs, as it says.
            resources: what else it has.
            environment: variables of its workers, on top of the cluster's.
            namespace: its network; None: the host's.
            hidden: folders that it sees empty; only with a namespace.
            python: the interpreter of its processes, such as that of an environment without `mqn`.
        """
        self._count += 1
        words = [f"--address={self.address}"]
        name = f"node{self._count}"
        node = self._start(name, words, cpus, gpus, resources or {}, environment or {}, namespace, hidden, python)
        self._await_raylet(node)
        self.nodes.append(node)
        return node

    def kill_node(self, node: RayNode) -> None:
        """Kill all processes of a node at once, workers included, as when its machine loses its power."""
        end_marked(node.mark)
        node.process.wait(10)
        if node in self.nodes:
            self.nodes.remove(node)

    def kill_raylet(self, node: RayNode) -> None:
        """Kill a node's raylet alone; its workers notice and go."""
        os.kill(node.raylet, signal.SIGKILL)
        if node in self.nodes:
            self.nodes.remove(node)

    def stop(self) -> None:
        """Kill all nodes, and remove their folders."""
        for node in (*self.nodes, *([self.head] if self.head else [])):
            end_marked(node.mark)
            node.process.wait(10)
        self.nodes, self.head = [], None
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def driver(self) -> Iterator[None]:
        """Join with this process until the block ends."""
        import ray

        from mqn import cluster

        before = {name: os.environ.get(name) for name in self.environment}
        os.environ.update(self.environment)
        cluster.read_environment()
        try:
            cluster.join(self.address)
            yield
        finally:
            ray.shutdown()
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name)
                else:
                    os.environ[name] = value
            cluster.read_environment()

    def _start(
        self,
        name: str,
        words: Sequence[str],
        cpus: int,
        gpus: int,
        resources: Mapping[str, float],
        environment: Mapping[str, str],
        namespace: Namespace | None,
        hidden: Sequence[Path],
        python: str,
    ) -> RayNode:
        folder, mark = self.folder / name, uuid.uuid4().hex
        folder.mkdir(exist_ok=True)
        host = namespace.guest if namespace else self._host
        command = [python, "-m", "ray.scripts.scripts", "start", *words, "--block", f"--node-ip-address={host}"]
        command += [f"--temp-dir={folder / 't'}", f"--num-cpus={cpus}", f"--num-gpus={gpus}"]
        command += [f"--object-store-memory={OBJECT_STORE_BYTES}", f"--resources={json.dumps(dict(resources))}"]
        command += [
            f"--dashboard-agent-listen-port={free_port(self._host)}",
            f"--node-name={name}",
            "--include-log-monitor=false",
        ]
        # A Ray of this process's own has variables of which another knows nothing.
        others = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
        variables = {
            **others,
            **telemetry.ENVIRONMENT,
            "RAY_raylet_start_wait_time_s": f"{START_SECONDS:.0f}",  # usually 60 s, too little beside much other work
            **self.environment,
            **({"PYTHONPATH": str(REPOSITORY)} if python == sys.executable else {}),
            **self._extra,
            **environment,
            # Submitted jobs begin with `python`, as a node's owner has it.
            "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}",
            MARK: mark,
        }
        if namespace is not None:
            mounts = [f"mount -t tmpfs tmpfs {shlex.quote(str(folder))}" for folder in (Path("/dev/shm"), *hidden)]
            inside = " && ".join([*mounts, f"exec {shlex.join(command)}"])
            command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", inside]
        start = namespace.popen if namespace else subprocess.Popen
        with (folder / "log").open("ab") as log:
            process = start(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables, cwd=folder)
        return RayNode(name=name, mark=mark, folder=folder, host=host, process=process)

    def _await_raylet(self, node: RayNode) -> None:
        log = node.folder / "log"
        wait_until(lambda: self._runs(node) and b"runtime started" in log.read_bytes(), START_SECONDS, node.name)

    @staticmethod
    def _runs(node: RayNode | None) -> bool:
        assert node is not None
        assert node.process.poll() is None, (node.folder / "log").read_text()
        return True
