"""A step of the scheduler with 1,000 jobs running and 5,000 waiting, against one with 10 and 50.

In each step one job ends and another is asked for, as in a study that goes on. Jobs are of several kinds; some of them
wait for devices. The engine does nothing, artifacts are in memory.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

from mqn.search.work.jobs import Job, Outcome, Resources
from mqn.search.work.scheduler import Scheduler
from tests.support.many_trials import MemoryStore, NoWork

STEPS, LIMIT = 400, 4.0
KINDS = (
    Resources(cpus=4, gpus=1, pool="training"),
    Resources(cpus=1),
    Resources(cpus=2, memory_bytes=1e9),
    Resources(cpus=1, custom=(("licence", 1.0),)),
)


class _Busy:
    """The devices of a target: each measures one file at a time, and all are taken."""

    def place(self, job: Job) -> Job | None:
        return None

    def absent(self, job: Job) -> str:
        return ""

    def begin(self, job: Job) -> None: ...

    def end(self, job: Job, outcome: Outcome) -> None: ...


def run() -> dict[str, Any]:
    """Many and few in turns; the shortest of three."""
    seconds: dict[int, list[float]] = {10: [], 1000: []}
    for _ in range(3):
        for running, times in seconds.items():
            times.append(_step(running, 5 * running))
    few, many = min(seconds[10]), min(seconds[1000])
    detail = {"step_ms": 1e3 * many, "step_of_few_ms": 1e3 * few, "running": 1000, "waiting": 5000}
    return {"name": "a scheduler's step at 1,000 running", "ratio": many / few, "limit": LIMIT, "detail": detail}


def _step(running: int, waiting: int) -> float:
    engine = NoWork(cpus=running)
    engine.capacity = _room(running)
    scheduler = Scheduler(MemoryStore(), engine, places=_Busy())
    numbers = itertools.count()
    for _ in range(running + waiting):
        _ask(scheduler, next(numbers))
    scheduler._begin()
    assert abs(len(scheduler.running) - running) <= 0.1 * running, len(scheduler.running)
    began = time.perf_counter()
    for _ in range(STEPS):
        scheduler.step(0.0)
        for _trial in scheduler.take_changed():
            _ask(scheduler, next(numbers))
    return (time.perf_counter() - began) / STEPS


def _room(running: int) -> Any:
    from mqn.search.work.engine import Capacity

    # A quarter of the jobs are of each kind.
    amounts = {"CPU": 2.0 * running, "GPU": running / 4, "memory": 1e9 * running, "licence": float(running)}
    return Capacity(amounts=amounts, own_cpus=8.0, nodes=running)


def _ask(scheduler: Scheduler, number: int) -> None:
    kind = KINDS[number % len(KINDS)]
    target = "board" if number % 10 == 9 else None
    stage = "measure" if target else f"stage{number % len(KINDS)}"
    job = Job(
        stage=stage,
        key=f"k{number}",
        inputs={},
        function=dict,
        arguments={"value": 0.0},
        resources=kind,
        target=target,
    )
    scheduler.request(job, number, behind=number % 5)


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
