"""Nodes that come, go, or have no processors, under the engine as a study uses it: real Ray nodes, a folder each."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from tests.support.rigs.bare_environment import make_bare_environment
from tests.support.rigs.namespace import Namespace
from tests.support.rigs.ray_cluster import RayCluster, RayNode
from tests.support.rigs.waiting import wait_until

from mqn.cli.app import run
from mqn.cluster import read_environment
from mqn.data.location import locate
from mqn.errors import ConfigError
from mqn.families.mqn.arch import MQNArch
from mqn.profile import StorageProfile, load_profile
from mqn.profile_tables.ray import AutoscaleProfile, RayProfile
from mqn.records import Training
from mqn.search.artifacts import ArtifactStore
from mqn.search.engine.ray_engine import RayEngine
from mqn.search.engine.submission import submit_driver
from mqn.search.stages.train import train_job
from mqn.search.work.jobs import Job, Outcome, Resources
from mqn.search.work.scheduler import Scheduler

pytestmark = pytest.mark.integration


def work(folder: Path, *, seconds: float, begun: str = "") -> dict[str, Any]:
    import mqn

    if begun:
        Path(begun).touch()
    time.sleep(seconds)
    return {"package": str(Path(mqn.__file__).parent)}


cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module")
def there() -> Iterator[Namespace | None]:
    """A network of its own for a node; None: only root makes one."""
    if os.geteuid() != 0:
        yield None
        return
    with Namespace.unused() as there:
        yield there


@pytest.fixture(scope="module")
def cluster(there: Namespace | None) -> Iterator[RayCluster]:
    """A head without processors. Ray declares a node dead within two seconds instead of 15, or 63 if it is cut off."""
    config = {"health_check_period_ms": 500, "health_check_timeout_ms": 500, "health_check_failure_threshold": 3}
    environment = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}  # of submitted drivers
    host = there.host if there else "127.0.0.2"
    with (
        RayCluster(host=host, dashboard=True, environment=environment, system_config=config) as cluster,
        authenticated(cluster),
    ):
        yield cluster


@pytest.fixture(scope="module")
def node(cluster: RayCluster) -> RayNode:
    """One with a processor, for tests that are not about the first one's coming."""
    return cluster.nodes[0] if cluster.nodes else cluster.add_node(cpus=1)


@contextlib.contextmanager
def authenticated(cluster: RayCluster) -> Iterator[None]:
    """Join by the cluster's authentication. Ray reads it when it is loaded, and again when told to."""
    import ray  # noqa: F401

    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        read_environment()
        yield
    read_environment()


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def job(key: str, resources: Resources | None = None, *, target: str | None = None, **arguments: Any) -> Job:
    return Job(
        stage="train", key=key, inputs={}, function=work, resources=resources or Resources(), target=target,
        arguments={"seconds": 0.0, **arguments},
    )  # fmt: skip


def finish(engine: RayEngine, handle: Any, seconds: float = 120.0) -> Outcome:
    end = time.monotonic() + seconds
    while not engine.wait([handle], 0.5):
        assert time.monotonic() < end, "the job has not ended"
    return engine.collect(handle)


def wait_for(condition: Any) -> None:
    wait_until(condition, 120.0, "what a node does")


def test_a_cluster_without_processors_is_refused_or_waited_for(cluster, store, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    profile = tmp_path / "asks.toml"
    profile.write_text(f'[ray]\naddress = "{cluster.address}"\ntraining_cpus = 99\n')
    assert run(["search", "smoke", "--profile", str(profile)]) == 2
    assert capfd.readouterr().err.splitlines()[-1] == (
        "mqn: ray.training_cpus = 99, but no machine has more than 0; 1 machine is there, with 0 processors and 0 GPUs "
        "in all; lower it in the profile, or add machines"
    )
    told: list[str] = []
    grows = RayProfile(address=cluster.address, training_cpus=1, autoscale=AutoscaleProfile(cpus=4))
    with RayEngine(grows, told.append) as engine:
        assert told[0].endswith("jobs wait until the cluster has grown (ray.autoscale)")
        assert engine.capacity.cpus == 4
        waiting = engine.submit(store, job("waits"))
        assert not engine.wait([waiting], 1.0)
        cluster.add_node(cpus=1)
        assert finish(engine, waiting).error is None


@pytest.mark.parametrize(
    "given", [{"RAY_AUTH_TOKEN": "0" * 64, "RAY_AUTH_TOKEN_PATH": ""}, {"RAY_AUTH_MODE": "disabled"}]
)
def test_another_token_is_one_line_at_once(cluster, given, monkeypatch, capfd):
    """Ray by itself asks for half a minute, and prints a line each time."""
    for name, value in {**given, "RAY_ADDRESS": cluster.address}.items():
        monkeypatch.setenv(name, value)
    read_environment()
    for address in ("auto", cluster.address):
        with pytest.raises(ConfigError, match=f"cannot join Ray at '{address}': it wants another token; set RAY_AUTH"):
            RayEngine(RayProfile(address=address))
    assert "Unauthenticated" not in capfd.readouterr().err
    monkeypatch.undo()
    read_environment()


def test_a_measurement_of_the_drivers_device_runs_on_a_head_without_processors(cluster, node, store):
    with RayEngine(RayProfile(address=cluster.address, training_cpus=1)) as engine:
        own = engine._nodes.own
        assert (own.cpus, engine.capacity.own_cpus, engine.capacity.single) == (0.0, 0.0, False)
        beside = engine.submit(store, job("beside", seconds=2.0))
        exclusive = Resources(exclusive=True, local=True)
        alone = engine.submit(store, job("alone", exclusive, target="local"))
        phone = engine.submit(store, job("phone", Resources(cpus=0, local=True), target="phone"))
        board = engine.submit(store, job("board", Resources(cpus=0), target="board"))
        spans = [finish(engine, handle).span for handle in (alone, phone, board, beside)]
        assert [span.node == own.id for span in spans if span is not None][:2] == [True, True]
        assert spans[3].node != own.id


def test_nodes_come_and_go(cluster, node, store, tmp_path):
    """A node is added in the middle, has no `mqn` of its own, is used, and killed under its job."""
    python = make_bare_environment(tmp_path / "bare")
    with RayEngine(RayProfile(address=cluster.address, training_cpus=1)) as engine:
        before = engine.capacity
        first = engine.submit(store, job("first", seconds=8.0))
        added = cluster.add_node(cpus=1, resources={"added": 1}, python=str(python))
        wait_for(lambda: engine.capacity.cpus == before.cpus + 1)
        begun = tmp_path / "begun"
        there = Resources(custom=(("added", 1.0),))
        second = engine.submit(store, job("second", there, seconds=60.0, begun=str(begun)))
        wait_for(begun.exists)
        cluster.kill_node(added)
        lost = finish(engine, second)
        assert lost.error is not None
        assert lost.error[0] == "NodeLostError", lost
        wait_for(lambda: engine.capacity.cpus == before.cpus)
        assert finish(engine, first).error is None
        again = engine.submit(store, job("second", seconds=0.0))
        assert finish(engine, again).error is None


def test_a_training_whose_node_dies_goes_on_from_its_checkpoint_on_another(cluster, node, scenes, tmp_path):
    """All that is left of it is what its node had kept behind the URL."""
    cache, bucket = tmp_path / "cache", tmp_path / "bucket"
    store = ArtifactStore(f"local://{bucket}", StorageProfile(cache=str(cache), keep_seconds=0.0))
    profile = RayProfile(address=cluster.address, training_cpus=1)
    arch, training = MQNArch(encoder_weights="random", input_size=32), Training(epochs=10, lambda_features=0.0)
    wanted = train_job(arch, training, locate(scenes), profile)
    kept = bucket / "train" / f"{wanted.key}.partial" / "state.json"
    cluster.add_node(cpus=1)
    with RayEngine(profile) as engine:
        scheduler = Scheduler(store, engine)
        work = scheduler.request(wanted, 0)

        def goes_on(until: Callable[[], bool]) -> bool:
            scheduler.step(0.5)
            return until()

        wait_for(lambda: goes_on(lambda: kept.exists() and json.loads(kept.read_text())["round"] >= 2))
        assert work.outcome is None
        cluster.kill_node(next(one for one in cluster.nodes if one.pids("ray::perform")))
        shutil.rmtree(cache)
        wait_for(lambda: goes_on(lambda: work.outcome is not None))
    assert work.outcome is not None
    assert work.outcome.error is None
    assert "NodeLostError" in {attempt.error[0] for attempt in work.attempts}
    assert store.get(*wanted.id).manifest.details["epochs"] == 10
    *_, made = re.findall(r"epochs: 10; made before: (\d+)", (store.log(*wanted.id) or b"").decode())
    assert 2 <= int(made) < 10


def test_a_node_whose_network_is_cut_loses_nothing(there, cluster, node, store, tmp_path):
    """No connection breaks then, and Ray by itself would wait for the task for seven minutes."""
    if there is None:
        pytest.skip("only root makes namespaces")
    with RayEngine(RayProfile(address=cluster.address, training_cpus=1)) as engine:
        far = cluster.add_node(cpus=1, resources={"far": 1}, namespace=there)
        begun = tmp_path / "begun"
        resources = Resources(custom=(("far", 1.0),))
        handle = engine.submit(store, job("far", resources, seconds=60.0, begun=str(begun)))
        queued = engine.submit(store, job("queued", resources))
        wait_for(begun.exists)
        there.cut()
        lost = finish(engine, handle)
        assert lost.error is not None
        assert lost.error[0] == "NodeLostError"
        put_back = finish(engine, queued)
        assert put_back.error is not None
        assert put_back.error[0] == "NotBegunError"
        cluster.kill_node(far)
        assert finish(engine, engine.submit(store, job("queued"))).error is None


# What Ray 2.60 passes to aiohttp 3.14.
@pytest.mark.filterwarnings("ignore:ssl=None is deprecated:DeprecationWarning")
def test_a_search_is_submitted_with_its_profile_and_its_end_is_told(cluster, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f'[ray]\naddress = "auto"\nhome = "{tmp_path}/home"\n')
    words = ["search", "no-such-space", "--profile", "mine.toml"]
    driver = submit_driver(cluster.dashboard, load_profile(str(path)), words, {"mine.toml": path})
    said: list[str] = []
    assert driver.follow(said.append) == "FAILED"
    assert "mqn: no space 'no-such-space'; allowed: attention, " in "".join(said)
    assert driver.id in driver.stop_command


def test_the_drivers_package_is_brought_to_workers(cluster, node, store):
    with RayEngine(RayProfile(address=cluster.address, training_cpus=1)) as engine:
        assert finish(engine, engine.submit(store, job("shipped"))).error is None
    package = store.get("train", "shipped").manifest.details["package"]
    assert "py_modules" in package
    assert package != os.fspath(Path(sys.modules["mqn"].__file__ or "").parent)


def test_ray_starts_nodes_for_what_waits_and_none_disturbs_a_measurement(store):
    """By Ray's own autoscaler. The head is a worker too: an exclusive job gets all of it, and has no company."""
    types = {"worker": {"resources": {"CPU": 2, "worker": 1}, "max_workers": 1}}
    with RayCluster(head_cpus=2, token=False, worker_types=types) as cluster, authenticated(cluster):
        grows = RayProfile(address=cluster.address, training_cpus=1, autoscale=AutoscaleProfile(cpus=4))
        with RayEngine(grows) as engine:
            own = engine._nodes.own.id
            assert (engine.capacity.own_cpus, engine.capacity.cpus, engine.capacity.nodes) == (2, 4, 1)
            waits = engine.submit(store, job("waits", Resources(custom=(("worker", 1.0),))))
            assert finish(engine, waits).error is None
            wait_for(lambda: engine.capacity.nodes == 2)
            before = [engine.submit(store, job(f"before{number}", seconds=2.0)) for number in range(3)]
            alone = engine.submit(store, job("alone", Resources(exclusive=True), seconds=1.0))
            late = [engine.submit(store, job(f"late{number}", seconds=1.0)) for number in range(4)]
            spans = [finish(engine, handle).span for handle in (alone, *before, *late)]
    measured, *others = [span for span in spans if span is not None]
    assert measured.node == own
    assert [s for s in others if s.node == own and s.begin < measured.end and measured.begin < s.end] == []
    assert all(span.node != own for span in others[3:])
