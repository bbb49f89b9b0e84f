"""Puts together what a driver does now, from its parts, without asking any of them to wait."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mqn.search.watch.snapshot import DeviceState, RunningJob, Snapshot, WaitingJobs
from mqn.search.work.engine import Capacity
from mqn.search.work.jobs import Work
from mqn.search.work.words import describe
from mqn.text.redaction import shortened

if TYPE_CHECKING:
    from mqn.device.pool.pool import DeviceReport
    from mqn.search.work.evaluation import Evaluation
    from mqn.search.work.scheduler import Scheduler

_JOBS, _REASONS, _TRIALS, _STEPS, _FAILURES = 100, 30, 8, 200, 5
_CHARACTERS = 300


class Observer:
    """Looks at a loop's trials and its scheduler; told of every trial that ends."""

    def __init__(
        self,
        study: str,
        *,
        goal: int = 0,
        devices: Callable[[], Sequence[DeviceReport]] = lambda: (),
        capacity: Callable[[], Capacity] = Capacity,
        date: Callable[[], float] = time.time,
    ) -> None:
        """Begin.

        Args:
            study: its name.
            goal: trials that it is to have in the end.
            devices: how the devices stand.
            capacity: what the machines have.
            date: seconds since 1970.
        """
        self._study, self._goal, self._devices, self._capacity = study, goal, devices, capacity
        self._date, self._began = date, date()
        self._failures: list[str] = []
        self._finished = 0

    def note(self, number: int, line: str | None) -> None:
        """A trial was finished; `line` says what it failed with, None where it has not."""
        self._finished += 1
        if line is not None:
            shown = shortened(" ".join(line.split()), _CHARACTERS)
            self._failures = [*self._failures, f"trial {number}: {shown}"][-_FAILURES:]

    def look(self, active: Mapping[int, Evaluation], scheduler: Scheduler) -> Snapshot:
        """What is so now."""
        running = sorted(scheduler.running, key=lambda work: work.submitted or 0.0)
        busy = set(map(id, running))
        waiting = {
            id(work): work
            for evaluation in active.values()
            for work in evaluation.works.values()
            if work.outcome is None and id(work) not in busy
        }
        capacity = self._capacity()
        return Snapshot(
            study=self._study,
            at=self._date(),
            began=self._began,
            goal=self._goal,
            active=len(active),
            finished=self._finished,
            running=dict(Counter(work.job.stage for work in running)),
            queued=dict(Counter(work.job.stage for work in waiting.values())),
            jobs=tuple(_running(work, scheduler) for work in running[:_JOBS]),
            waiting=_reasons(list(waiting.values()), scheduler),
            devices=tuple(
                DeviceState(name=one.name, state=one.state, since=one.since, error=shortened(one.error, _CHARACTERS))
                for one in self._devices()
            ),
            nodes=capacity.nodes,
            there=dict(capacity.amounts),
            failures=tuple(self._failures),
            steps={
                str(number): {step: work.job.key for step, work in evaluation.works.items()}
                for number, evaluation in list(active.items())[:_STEPS]
            },
        )


def _running(work: Work, scheduler: Scheduler) -> RunningJob:
    device = "" if work.placed is None else str(work.placed.arguments.get("device", ""))
    return RunningJob(
        trial=work.owner,
        stage=work.job.stage,
        key=work.job.key,
        doing=describe(work, scheduler.store),
        since=work.submitted,
        device=device,
    )


def _reasons(waiting: Sequence[Work], scheduler: Scheduler) -> tuple[WaitingJobs, ...]:
    """Jobs that wait, by stage and reason. Equal jobs are asked about once."""
    alike: dict[object, list[Work]] = {}
    for work in waiting:
        same = (work.job.stage, work.job.target, work.job.resources, work.faults, work.not_before)
        alike.setdefault(same, []).append(work)
    found: dict[tuple[str, str], list[Work]] = {}
    for works in list(alike.values())[:_REASONS]:
        why = shortened(scheduler.why(works[0]), _CHARACTERS)
        found.setdefault((works[0].job.stage, why), []).extend(works)
    return tuple(
        WaitingJobs(
            stage=stage, why=why, count=len(works), trials=tuple(sorted(work.owner for work in works)[:_TRIALS])
        )
        for (stage, why), works in found.items()
    )
