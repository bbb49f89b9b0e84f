"""What a person sees of a running study: a live table on a terminal, plain lines elsewhere. Always on stderr."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mqn.quantities import quantity
from mqn.records import TrialRecord
from mqn.search.pareto import front_mask
from mqn.search.space import Space
from mqn.search.stages import FLOAT_MODEL
from mqn.terminal import open_console

if TYPE_CHECKING:
    from rich.console import Console, Group

    from mqn.device.pool.pool import DeviceReport
    from mqn.search.evaluation import Evaluation
    from mqn.search.scheduler import Scheduler, Work

_LINE_SECONDS = 30.0


class Progress:
    """Shows a study while it runs."""

    def __init__(
        self,
        study: str,
        space: Space,
        total: int,
        records: Sequence[TrialRecord],
        *,
        devices: Callable[[], Sequence[DeviceReport]] = lambda: (),
        console: Console | None = None,
    ) -> None:
        """Begin.

        Args:
            study: its name.
            space: what it searches.
            total: trials that it is to have.
            records: trials that earlier drivers finished.
            devices: tells how they stand.
            console: where to show; stderr unless given.
        """
        from rich.live import Live

        self._study, self._space, self._total = study, space, total
        self._done = [record for record in records if record.state not in ("running", "interrupted", "held")]
        self._fresh = 0
        self._began = time.monotonic()
        self._console = console or open_console(sys.stderr)
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._lines: dict[tuple[str, str], tuple[str, float]] = {}
        self._devices, self._absent = devices, dict[str, str]()

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._console.print(line, markup=False, soft_wrap=True)

    def begin(self, evaluation: Evaluation) -> None:
        """A trial was begun."""
        if self._live is None:
            self.say(f"trial {evaluation.number}: {self._space.label(evaluation.candidate)}")

    def finish(self, record: TrialRecord) -> None:
        """A trial is over, or waits to be resumed."""
        if record.state == "held":
            self.say(f"trial {record.number} waits: {record.waits}")
            return
        self._done.append(record)
        self._fresh += 1
        if record.error is not None:
            self.say(f"trial {record.number} failed: {record.error}")
            return
        words = [
            f"{goal.metric} {quantity(goal.metric).text(record.figures[goal.metric])}"
            for goal in self._space.objectives
        ]
        broken = [name for name, violation in record.violations.items() if violation > 0]
        words += [f"breaks {name}" for name in broken]
        marks = sorted({verdict for verdict in record.verdicts.values() if verdict != "ok"})
        words += [f"measured {mark}" for mark in marks]
        self.say(f"trial {record.number} done: {record.label}: {', '.join(words)}  ({self._where()})")

    def show(self, active: Sequence[Evaluation], scheduler: Scheduler) -> None:
        """Show what goes on now."""
        self._tell_devices()
        if self._live is not None:
            self._live.update(self._table(active, scheduler), refresh=True)
            return
        now = time.monotonic()
        for work in scheduler.running:
            line = f"trial {work.owner}: {describe(work, scheduler)}"
            said, last = self._lines.get(work.job.id, ("", -math.inf))
            # A line says something new, and none too often.
            if line != said and now - last > _LINE_SECONDS:
                self._lines[work.job.id] = line, now
                self.say(line)

    def _tell_devices(self) -> None:
        """Say once that a device is away, and once that it is back."""
        for device in self._devices():
            there = device.state in ("unknown", "idle", "busy")
            if not there and device.name not in self._absent:
                self._absent[device.name] = device.state
                self.say(f"device {device.name} is {device.state}: {device.error}")
            elif there and self._absent.pop(device.name, None) is not None:
                self.say(f"device {device.name} is back")

    def _where(self) -> str:
        return f"{len(self._done)} of {self._total}"

    def _table(self, active: Sequence[Evaluation], scheduler: Scheduler) -> Group:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        head = Table.grid(padding=(0, 1))
        failed = sum(record.state == "failed" for record in self._done)
        head.add_row(
            self._study,
            ProgressBar(total=max(self._total, 1), completed=len(self._done), width=30),
            f"{self._where()} trials, {failed} failed, {len(active)} on their way{self._remaining()}",
        )
        rows = Table.grid(padding=(0, 2))
        labels = {evaluation.number: self._space.label(evaluation.candidate) for evaluation in active}
        for work in scheduler.running:
            rows.add_row(f"  trial {work.owner}", labels.get(work.owner, ""), describe(work, scheduler))
        return Group(head, rows, Text(self._best()))

    def _remaining(self) -> str:
        if not self._fresh:
            return ""
        seconds = (time.monotonic() - self._began) / self._fresh * max(self._total - len(self._done), 0)
        hours, minutes = divmod(int(seconds + 59) // 60, 60)
        return f", about {hours} h {minutes} min left" if hours else f", about {minutes} min left"

    def _best(self) -> str:
        kept = [record for record in self._done if record.state == "complete" and record.feasible]
        if not kept:
            return ""
        columns, words = [], []
        for goal, direction in zip(self._space.objectives, self._space.directions, strict=True):
            values = [record.figures[goal.metric] for record in kept]
            best = max(values) if direction == "maximize" else min(values)
            words.append(f"best {goal.metric} {quantity(goal.metric).text(best)} {quantity(goal.metric).unit}".rstrip())
            columns.append([-value if direction == "maximize" else value for value in values])
        front = front_mask(list(zip(*columns, strict=True))).sum() if len(columns) > 1 else 1
        return f"{', '.join(words)}, front of {front}"


def describe(work: Work, scheduler: Scheduler) -> str:
    """What a job is at: its stage, and for a training its epoch."""
    stage = work.job.stage
    if work.placed is not None:
        return f"{stage} on {work.placed.arguments['device']}"
    if stage == "score":
        return f"score {_scored(work)}"
    if stage != "train":
        return stage
    total = work.job.inputs.get("training", {}).get("epochs")
    if total is None:
        return "take the trained network"
    history = scheduler.store.partial(*work.job.id) / "history.json"
    try:
        epochs = json.loads(history.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Not begun yet, or just published.
        return f"train, epoch 0 of {total}"
    loss = f", loss {epochs[-1]['loss']:.4g}" if epochs and "loss" in epochs[-1] else ""
    return f"train, epoch {len(epochs)} of {total}{loss}"


def _scored(work: Work) -> str:
    """What is scored: a trial has three such jobs."""
    files = [path.name for path in work.job.arguments.get("files", ())]
    if not files:
        return "doing nothing"
    return "the float network" if files == [FLOAT_MODEL] else "the quantized files"
