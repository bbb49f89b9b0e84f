"""The rigs that other tests stand on: what they say of clusters, storage and environments is so."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
import s3fs
from tests.support.rigs.bare_environment import make_bare_environment
from tests.support.rigs.line import Line
from tests.support.rigs.namespace import Namespace
from tests.support.rigs.ray_cluster import RayCluster
from tests.support.rigs.s3 import S3

pytestmark = pytest.mark.integration

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes namespaces")


def look(folder: str, bucket: str) -> tuple[list[str], bytes]:
    """What a worker sees of a folder of the driver's machine, and of a bucket."""
    return sorted(path.name for path in Path(folder).iterdir()), s3fs.S3FileSystem().cat(f"{bucket}/greeting")


@as_root
def test_a_node_of_its_own_network_and_mounts_sees_storage_only_through_s3(tmp_path: Path) -> None:
    (tmp_path / "artifact").touch()
    with (
        Namespace.unused() as there,
        S3(there.host) as s3,
        RayCluster(host=there.host, environment=s3.environment) as cluster,
    ):
        s3.client.put_object(Bucket=s3.bucket, Key="greeting", Body=b"hello")
        cluster.add_node(namespace=there, hidden=[tmp_path])
        with cluster.driver():
            import ray

            task = ray.remote(look)
            near = task.options(num_cpus=0, resources={f"node:{there.host}": 0.1})
            seen = ray.get([one.remote(str(tmp_path), s3.bucket) for one in (near, task.options(num_cpus=1))])
            processors = {node["NodeName"]: node["Resources"].get("CPU", 0) for node in ray.nodes()}
    assert seen == [(["artifact"], b"hello"), ([], b"hello")]
    assert processors == {"head1": 0, "node1": 1}


def test_storage_fails_as_asked_and_comes_back() -> None:
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    with S3() as s3, s3.in_environment():
        import boto3

        impatient = Config(retries={"total_max_attempts": 1}, read_timeout=1, connect_timeout=1)
        client = boto3.client("s3", config=impatient)
        for begin in (s3.line.cut, s3.line.stall, lambda: s3.line.answer(503)):
            begin()
            with pytest.raises((BotoCoreError, ClientError)):
                client.put_object(Bucket=s3.bucket, Key="a", Body=bytes(100_000))
            s3.line.mend()
            client.put_object(Bucket=s3.bucket, Key="a", Body=b"1")
        assert s3.keys() == ["a"]


def test_a_bare_environment_has_what_we_depend_on_but_not_the_platform(tmp_path: Path) -> None:
    python = make_bare_environment(tmp_path / "bare")
    looks = "import importlib.util as find, sys; print([bool(find.find_spec(name)) for name in sys.argv[1:]])"
    command = [str(python), "-c", looks, "ray", "torch", "optuna", "mlflow", "mqn", "tests"]
    found = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=True).stdout
    assert found == "[True, True, True, True, False, False]\n"


def test_a_line_tells_its_user_that_the_server_has_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = Line(server.getsockname()[1])
        with socket.create_connection(("127.0.0.1", line.port), timeout=20) as user:
            served, _ = server.accept()
            served.close()
            assert user.recv(1) == b""
        line.close()
