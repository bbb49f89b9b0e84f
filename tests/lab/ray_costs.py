"""What Ray costs a driver: handing out a job, waiting beside many, and the time until a job that does nothing is back.

python -m tests.lab.ray_costs [--pending 1000]

A simulated study has no Ray: these figures come on top of its driver's. They are also what `simulate.overhead` and
`simulate.worker_start` in runners/simulate.toml were taken from. The repository has to be on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mqn.profile_tables.ray import RayProfile
from mqn.search.artifacts import ArtifactStore
from mqn.search.engine.ray_engine import RayEngine
from mqn.search.work.jobs import Job
from tests.conftest import REPOSITORY
from tests.support.trivial_work import work

_TRIES, _WAITS = 30, 20


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description="what Ray costs a driver")
    parser.add_argument("--pending", type=int, default=1000)
    pending = parser.parse_args().pending
    os.environ["PYTHONPATH"] = str(REPOSITORY)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MQN_HOME"] = folder
        with RayEngine(RayProfile(cpus=2, training_cpus=1)) as engine:
            print(json.dumps(_measure(engine, Path(folder), pending), indent=1))


def _measure(engine: RayEngine, folder: Path, pending: int) -> dict[str, Any]:
    store = ArtifactStore(str(folder / "artifacts"))
    first = _round_trip(engine, store, _job(folder, "first"))
    trips = [_round_trip(engine, store, _job(folder, f"trip-{number}")) for number in range(_TRIES)]
    seconds: Mapping[str, float] = {"wait": 5.0}
    blockers = [engine.submit(store, _job(folder, f"blocker-{number}", "wait", seconds)) for number in range(2)]
    jobs = [_job(folder, f"pending-{number}") for number in range(pending)]
    began = time.process_time()
    handles = [engine.submit(store, job) for job in jobs]
    submit = (time.process_time() - began) / pending
    began = time.process_time()
    for _ in range(_WAITS):
        engine.wait([*blockers, *handles], 0.0)
    wait = (time.process_time() - began) / _WAITS
    return {
        "first_task_s": first["wall"],
        "task_wall_ms": 1000 * statistics.median(trip["wall"] for trip in trips),
        "task_work_ms": 1000 * statistics.median(trip["work"] for trip in trips),
        "task_driver_cpu_ms": 1000 * statistics.median(trip["cpu"] for trip in trips),
        "pending": pending,
        "submit_cpu_ms": 1000 * submit,
        "wait_cpu_ms": 1000 * wait,
    }


def _job(folder: Path, name: str, stage: str = "nothing", seconds: Mapping[str, float] | None = None) -> Job:
    arguments = {"log": folder / "log", "stage": stage, "name": name, "seconds": seconds or {}, "value": 1.0}
    return Job(stage=stage, inputs={"name": name}, function=work, arguments=arguments)


def _round_trip(engine: RayEngine, store: ArtifactStore, job: Job) -> dict[str, float]:
    began, cpu = time.perf_counter(), time.process_time()
    handle = engine.submit(store, job)
    while not engine.wait([handle], 60.0):
        pass
    outcome = engine.collect(handle)
    assert outcome.error is None, outcome
    return {"wall": time.perf_counter() - began, "work": outcome.seconds, "cpu": time.process_time() - cpu}


if __name__ == "__main__":
    main()
