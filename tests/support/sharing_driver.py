"""A driver on a cluster with nothing but trivial jobs.

    python -m tests.support.sharing_driver ADDRESS WEIGHT COUNT LOG

COUNT jobs wait from the beginning. After each step it appends to LOG the time, how many jobs it has handed out, and how
many wait.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import cloudpickle

from mqn.profile_tables.ray import RayProfile
from mqn.search.artifacts import ArtifactStore
from mqn.search.engine.ray_engine import RayEngine
from mqn.search.work.jobs import Job
from mqn.search.work.scheduler import Scheduler

SECONDS = 0.5


def work(folder: Path) -> dict[str, Any]:
    time.sleep(SECONDS)
    return {}


def tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main(address: str, weight: str, count: str, log: str) -> None:
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    profile = RayProfile(address=address, weight=float(weight), training_cpus=1, package="installed")
    path = Path(log)
    with RayEngine(profile) as engine:
        scheduler = Scheduler(ArtifactStore(path.with_suffix(".artifacts")), engine, tell=tell)
        engine.share_by(scheduler.demand)
        works = [
            scheduler.request(Job(stage="train", inputs={"number": number}, function=work), number)
            for number in range(int(count))
        ]
        while left := sum(work.outcome is None for work in works):
            scheduler.step(0.2)
            with path.open("a") as stream:
                stream.write(f"{time.time()} {len(scheduler.running)} {left - len(scheduler.running)}\n")
        assert all(work.outcome is not None and work.outcome.error is None for work in works)


if __name__ == "__main__":
    main(*sys.argv[1:])
