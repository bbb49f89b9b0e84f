"""Ray as it is really started: where it listens, where its sockets lie, and what happens when it dies."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import psutil
import pytest

from mqn import cluster
from mqn.data.dataset import Dataset
from mqn.errors import ClusterError
from mqn.profile_tables.ray import RayProfile
from mqn.search.artifacts import ArtifactStore
from mqn.search.engine.ray_engine import RayEngine
from mqn.search.work.jobs import Job, Outcome

pytestmark = pytest.mark.integration

PICTURES = 48


WAITING_AT_A_GATE = """
import sys, time
from pathlib import Path
from mqn.cli import main
from mqn.data.preparation import engine

gate, decode = Path(sys.argv.pop(1)), engine._decode_block

def at_the_gate(tasks, decoder):
    while not gate.exists():
        time.sleep(0.01)
    return decode(tasks, decoder)

engine._decode_block = at_the_gate
main()
"""
"""`mqn` whose Ray tasks that decode pictures wait until a file is there."""


def sleep(folder: Path, *, seconds: float) -> dict[str, Any]:
    time.sleep(seconds)
    return {}


def kill_itself(folder: Path) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def fill(folder: Path) -> dict[str, Any]:
    with Path("/dev/full").open("wb") as stream:
        stream.write(b"x" * 100_000)
    return {}


def tell_itself(folder: Path) -> dict[str, Any]:
    import ray

    return {"home": os.environ["MQN_HOME"], "environment": dict(ray.get_runtime_context().runtime_env)}


cloudpickle.register_pickle_by_value(sys.modules[__name__])


def job(key: str, function: Any = sleep, **arguments: Any) -> Job:
    return Job(stage="train", key=key, inputs={}, function=function, arguments=arguments)


def finish(engine: RayEngine, handle: Any) -> Outcome:
    while not engine.wait([handle], 1.0):
        pass
    return engine.collect(handle)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def engine(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayEngine]:
    with pytest.MonkeyPatch.context() as patch:
        long = tmp_path_factory.mktemp("scratch_dir_of_a_batch_job_" * 3)
        patch.setenv("TMPDIR", str(long))
        patch.setenv("MQN_HOME", str(home))
        with RayEngine(RayProfile(cpus=2, training_cpus=1)) as engine:
            yield engine


def processes() -> dict[str, int]:
    node = sys.modules["ray._private.worker"]._global_node
    return {name: process.pid for name, process in node.live_processes()}


def test_ray_listens_on_loopback_alone_and_starts_below_a_long_tmpdir(engine, tmp_path):
    assert finish(engine, engine.submit(ArtifactStore(tmp_path), job("a", seconds=0.0))).error is None
    assert stat.S_IMODE(cluster._folders[0].parent.stat().st_mode) == 0o700  # Ray opens its own to everybody.
    own = {child.pid for pid in processes().values() for child in _family(pid)}
    listening = subprocess.run(["ss", "-tlnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    ours = [line for line in listening if any(f"pid={pid}," in line for pid in own)]
    assert ours
    assert [line for line in ours if "127.0.0.1" not in line.split()[3]] == []


def test_a_job_runs_in_a_worker_that_ray_started_beforehand(engine, home, tmp_path):
    store = ArtifactStore(tmp_path)
    outcome = finish(engine, engine.submit(store, job("told", tell_itself)))
    assert outcome.error is None
    told = store.get("train", "told").manifest.details
    assert told["home"] == str(home)
    assert told["environment"] == {}  # Ray starts no worker beforehand for an environment of a job's own.


def test_a_killed_worker_is_a_fault_and_ray_goes_on(engine, tmp_path):
    outcome = finish(engine, engine.submit(ArtifactStore(tmp_path), job("b", kill_itself)))
    assert outcome.error is not None
    assert outcome.error[0] == "ProcessLostError"
    assert finish(engine, engine.submit(ArtifactStore(tmp_path), job("b", seconds=0.0))).error is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_in_a_worker_is_a_fault(engine, tmp_path):
    outcome = finish(engine, engine.submit(ArtifactStore(tmp_path), job("c", fill)))
    assert outcome.error is not None
    assert outcome.error[0] == "DiskError"


@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_ray_that_died_begins_anew(name, engine, tmp_path):
    handle = engine.submit(ArtifactStore(tmp_path), job("d", seconds=60.0))
    os.kill(processes()[name], signal.SIGKILL)
    with pytest.raises(ClusterError, match=name):
        finish(engine, handle)
    engine.restart()
    assert finish(engine, engine.submit(ArtifactStore(tmp_path), job("e" + name, seconds=0.0))).error is None


def test_preparing_goes_on_when_ray_dies_and_says_nothing_of_it(tmp_path):
    """As a user would: a process of its own, whose output has no traceback, and whose result is whole."""
    pictures, output = tmp_path / "pictures", tmp_path / "prepared"
    pictures.mkdir()
    picture = np.random.default_rng(0).random((256, 256, 3), dtype=np.float32)
    for number in range(PICTURES):
        write_pfm(pictures / f"{number:03d}.pfm", picture * (number + 1))
    gate = tmp_path / "gate"
    words = ["data", "prepare", str(pictures), "--output", str(output), "--workers", "2"]
    # A user's process does not have the token of the Ray that other tests here have started.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment["MQN_HOME"] = str(tmp_path / "home")
    with (tmp_path / "said").open("wb") as said:
        command = [sys.executable, "-c", WAITING_AT_A_GATE, str(gate), *words]
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        while not (node := _node_at_work(process.pid)):
            assert process.poll() is None, (tmp_path / "said").read_text()
            time.sleep(0.05)
        node.kill()
        gate.touch()
        process.wait()
    assert process.returncode == 0
    assert "Traceback" not in (tmp_path / "said").read_text()
    assert len(Dataset.open(output).sources("train")) + len(Dataset.open(output).sources("val")) == PICTURES


def _node_at_work(pid: int) -> psutil.Process | None:
    """The raylet under a process, as soon as one of its workers has a task of `WAITING_AT_A_GATE`."""
    below = psutil.Process(pid).children(recursive=True)
    working = any("ray::at_the_gate" in _name(process, full=True) for process in below)
    return next((process for process in below if working and _name(process) == "raylet"), None)


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _name(process: psutil.Process, *, full: bool = False) -> str:
    try:
        return " ".join(process.cmdline()) if full else process.name()
    except psutil.Error:
        return ""


def write_pfm(path: Path, picture: np.ndarray) -> None:
    height, width, _ = picture.shape
    path.write_bytes(f"PF\n{width} {height}\n-1.0\n".encode() + picture[::-1].astype("<f4").tobytes())
