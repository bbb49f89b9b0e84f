"""Judges methods on pictures in worker processes, and keeps every judgement in a ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from mqn.scoring.judging.judge import Assignment, Failed, Judge, Judged, Task
from mqn.scoring.judging.ledger import Ledger, Line
from mqn.scoring.judging.pool import Death, Pool
from mqn.scoring.tiles import Tiles

Progress = Callable[[int, int], None]
"""Called with how many judgements are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A judgement that failed: names of method and picture, and the cause in one line."""

    method: str
    picture: str
    reason: str

    def __str__(self) -> str:
        return f"{self.method}, {self.picture}: {self.reason}"


@dataclass(slots=True)
class Judgements:
    """All judgements of an assignment.

    Attributes:
        lines: for each method its figures, by the picture's index.
        failures: judgements that failed.
        judged: how many judgements are new; the others were in the ledger.
    """

    lines: list[dict[int, Line]]
    failures: list[Failure] = field(default_factory=list)
    judged: int = 0


def judge_all(
    assignment: Assignment,
    names: Sequence[str],
    ledger: Ledger,
    *,
    workers: int,
    skipped: Collection[tuple[int, int]] = (),
    progress: Progress | None = None,
) -> Judgements:
    """Judge every method on every picture, but for the (method, picture) indices `skipped`.

    New figures are appended to the ledger as they come. If a worker dies, the one judgement that it was working on
    fails.

    Raises:
        DataError: the ledger cannot be written.
    """
    judgements = Judgements(lines=[{} for _ in assignment.methods])
    tasks: deque[Task] = deque()
    for picture in range(len(names)):
        methods = tuple(m for m in range(len(assignment.methods)) if (m, picture) not in skipped)
        if methods:
            tasks.append(Task(picture, methods))
    total = sum(len(task.methods) for task in tasks)

    def take(task: Task, place: int, value: Judged | Failed) -> None:
        method = task.methods[place]
        if isinstance(value, Failed):
            judgements.failures.append(Failure(assignment.methods[method].name, names[task.picture], value.reason))
        else:
            if value.fresh:
                ledger.append(value.line)
                judgements.judged += 1
            judgements.lines[method][task.picture] = value.line
        if progress is not None:
            progress(sum(map(len, judgements.lines)) + len(judgements.failures), total)

    _work(assignment, tasks, workers, take)
    return judgements


def draw_all(
    assignment: Assignment, wanted: Sequence[tuple[int, int]], *, workers: int, progress: Progress | None = None
) -> dict[tuple[int, int], Tiles]:
    """Draw the predictions of the wanted (method, picture) indices; return those that succeeded."""
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
    _work(assignment, tasks, workers, take)
    return drawn


def _work(assignment: Assignment, tasks: deque[Task], workers: int, take: Callable[..., None]) -> None:
    with Pool[Task](Judge, assignment, workers=max(1, min(workers, len(tasks)))) as pool:
        for event in pool.work(tasks):
            if isinstance(event, Death):
                take(event.task, event.place, Failed(event.reason))
                rest = event.task.methods[event.place + 1 :]
                if rest:
                    tasks.append(Task(event.task.picture, rest, event.task.draw))
            else:
                take(event.task, event.place, event.value)
