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
from mqn.profile import RayProfile
from mqn.search.engine import RayEngine
from mqn.search.jobs import Job, Outcome

pytestmark = pytest.mark.integration


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


cloudpickle.register_pickle_by_value(sys.modules[__name__])


def job(key: str, function: Any = sleep, **arguments: Any) -> Job:
    return Job(stage="train", key=key, inputs={}, function=function, arguments=arguments)


def finish(engine: RayEngine, handle: Any) -> Outcome:
    while not engine.wait([handle], 1.0):
        pass
    return engine.collect(handle)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayEngine]:
    with pytest.MonkeyPatch.context() as patch:
        long = tmp_path_factory.mktemp("scratch_dir_of_a_batch_job_" * 3)
        patch.setenv("TMPDIR", str(long))
        patch.setenv("MQN_HOME", str(tmp_path_factory.mktemp("home")))
        with RayEngine(RayProfile(cpus=2, training_cpus=1)) as engine:
            yield engine


def processes() -> dict[str, int]:
    node = sys.modules["ray._private.worker"]._global_node
    return {name: process.pid for name, process in node.live_processes()}


def test_ray_listens_on_loopback_alone_and_starts_below_a_long_tmpdir(engine, tmp_path):
    assert finish(engine, engine.submit(tmp_path, job("a", seconds=0.0))).error is None
    assert stat.S_IMODE(cluster._folders[0].parent.stat().st_mode) == 0o700  # Ray opens its own to everybody.
    own = set(processes().values())
    listening = subprocess.run(["ss", "-tlnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    ours = [line for line in listening if any(f"pid={pid}," in line for pid in own) or '"ray::' in line]
    assert ours
    assert [line for line in ours if "127.0.0.1" not in line.split()[3]] == []


def test_a_killed_worker_is_a_fault_and_ray_goes_on(engine, tmp_path):
    outcome = finish(engine, engine.submit(tmp_path, job("b", kill_itself)))
    assert outcome.error is not None
    assert outcome.error[0] == "ProcessLostError"
    assert finish(engine, engine.submit(tmp_path, job("b", seconds=0.0))).error is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_in_a_worker_is_a_fault(engine, tmp_path):
    outcome = finish(engine, engine.submit(tmp_path, job("c", fill)))
    assert outcome.error is not None
    assert outcome.error[0] == "DiskError"


@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_ray_that_died_begins_anew(name, engine, tmp_path):
    handle = engine.submit(tmp_path, job("d", seconds=60.0))
    os.kill(processes()[name], signal.SIGKILL)
    with pytest.raises(ClusterError, match=name):
        finish(engine, handle)
    engine.restart()
    assert finish(engine, engine.submit(tmp_path, job("e" + name, seconds=0.0))).error is None


def test_preparing_goes_on_when_ray_dies_and_says_nothing_of_it(tmp_path):
    """As a user would: a process of its own, whose output has no traceback, and whose result is whole."""
    pictures, output = tmp_path / "pictures", tmp_path / "prepared"
    pictures.mkdir()
    picture = np.random.default_rng(0).random((256, 256, 3), dtype=np.float32)
    for number in range(120):
        write_pfm(pictures / f"{number:03d}.pfm", picture * (number + 1))
    command = [sys.executable, "-m", "mqn", "data", "prepare", str(pictures), "--output", str(output)]
    environment = {**os.environ, "MQN_HOME": str(tmp_path / "home")}
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen([*command, "--workers", "2"], env=environment, stdout=said, stderr=said)
        killed = False
        while process.poll() is None:
            children = psutil.Process(process.pid).children(recursive=True)
            node = [child for child in children if _name(child) == "raylet"]
            if not killed and node and any("ray::_decode" in _name(child, full=True) for child in children):
                node[0].kill()
                killed = True
            time.sleep(0.05)
    assert killed
    assert process.returncode == 0
    assert "Traceback" not in (tmp_path / "said").read_text()
    assert len(Dataset.open(output).sources("train")) + len(Dataset.open(output).sources("val")) == 120


def _name(process: psutil.Process, *, full: bool = False) -> str:
    try:
        return " ".join(process.cmdline()) if full else process.name()
    except psutil.Error:
        return ""


def write_pfm(path: Path, picture: np.ndarray) -> None:
    height, width, _ = picture.shape
    path.write_bytes(f"PF\n{width} {height}\n-1.0\n".encode() + picture[::-1].astype("<f4").tobytes())
