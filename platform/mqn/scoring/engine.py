"""Judging methods on pictures, in parallel, with a ledger."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from mqn.scoring.judge import Failed, Job, Judge, Judged, Task
from mqn.scoring.ledger import Ledger, Line
from mqn.scoring.pool import Death, Pool
from mqn.scoring.tiles import Tiles

Progress = Callable[[int, int], None]
"""Told how many of how many judgements there are."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A picture that a method has no figures for.

    Attributes:
        method: its name.
        picture: its name.
        reason: in one line.
    """

    method: str
    picture: str
    reason: str

    def __str__(self) -> str:
        return f"{self.method}, {self.picture}: {self.reason}"


@dataclass(slots=True)
class Outcome:
    """What came of a job.

    Attributes:
        lines: for each method, by the picture's index: its figures.
        failures: what has none.
        judged: how many lines are new; the others were in the ledger.
    """

    lines: list[dict[int, Line]]
    failures: list[Failure] = field(default_factory=list)
    judged: int = 0


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def judge_all(
    job: Job,
    names: Sequence[str],
    ledger: Ledger,
    *,
    workers: int,
    skipped: Collection[tuple[int, int]] = (),
    progress: Progress | None = None,
) -> Outcome:
    """Judge every method on every picture.

    Args:
        job: who and what.
        names: of the pictures.
        ledger: new figures are appended as they come.
        workers: processes.
        skipped: pairs of method and picture that are left out, by their indices.
        progress: told after every judgement.

    Returns:
        Figures and failures; a worker that dies fails the one picture that it had in hand.

    Raises:
        DataError: the ledger cannot be written.
    """
    outcome = Outcome(lines=[{} for _ in job.methods])
    tasks: deque[Task] = deque()
    for picture in range(len(names)):
        methods = tuple(m for m in range(len(job.methods)) if (m, picture) not in skipped)
        if methods:
            tasks.append(Task(picture, methods))
    total = sum(len(task.methods) for task in tasks)

    def take(task: Task, place: int, value: Judged | Failed) -> None:
        method = task.methods[place]
        if isinstance(value, Failed):
            outcome.failures.append(Failure(job.methods[method].name, names[task.picture], value.reason))
        else:
            if value.fresh:
                ledger.append(value.line)
                outcome.judged += 1
            outcome.lines[method][task.picture] = value.line
        if progress is not None:
            progress(sum(map(len, outcome.lines)) + len(outcome.failures), total)

    _work(job, tasks, workers, take)
    return outcome


def draw_all(
    job: Job, wanted: Sequence[tuple[int, int]], *, workers: int, progress: Progress | None = None
) -> dict[tuple[int, int], Tiles]:
    """Draw predictions.

    Args:
        job: who and what.
        wanted: pairs of method and picture, by their indices.
        workers: processes.
        progress: told after every drawing.

    Returns:
        The drawings; without those that failed.
    """
    drawn: dict[tuple[int, int], Tiles] = {}
    finished = 0

    def take(task: Task, place: int, value: Tiles | Failed) -> None:
        nonlocal finished
        finished += 1
        if isinstance(value, Tiles):
            drawn[task.methods[place], task.picture] = value
        if progress is not None:
            progress(finished, len(wanted))

    by_picture: dict[int, list[int]] = {}
    for method, picture in wanted:
        by_picture.setdefault(picture, []).append(method)
    tasks = deque(Task(picture, tuple(methods), draw=True) for picture, methods in by_picture.items())
    _work(job, tasks, workers, take)
    return drawn


def _work(job: Job, tasks: deque[Task], workers: int, take: Callable[..., None]) -> None:
    with Pool[Task](Judge, job, workers=max(1, min(workers, len(tasks)))) as pool:
        for event in pool.work(tasks):
            if isinstance(event, Death):
                take(event.task, event.place, Failed(event.reason))
                rest = event.task.methods[event.place + 1 :]
                if rest:
                    tasks.append(Task(event.task.picture, rest, event.task.draw))
            else:
                take(event.task, event.place, event.value)
