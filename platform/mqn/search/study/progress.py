"""What is told of a running study, in plain lines."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from mqn.quantities import quantity
from mqn.records import TrialRecord
from mqn.search.gate.words import broken_text
from mqn.search.space.space import Space
from mqn.search.work.steps import RUNG
from mqn.search.work.words import describe

if TYPE_CHECKING:
    from mqn.device.pool.pool import DeviceReport
    from mqn.search.work.evaluation import Evaluation
    from mqn.search.work.scheduler import Scheduler

_LINE_SECONDS = 30.0

DeviceReports = Callable[[], "Sequence[DeviceReport]"]


class Progress:
    """Says in plain lines what goes on in a study. A subclass may show it in another way."""

    def __init__(
        self,
        tell: Callable[[str], object],
        study: str,
        space: Space,
        total: int,
        records: Sequence[TrialRecord],
        *,
        devices: DeviceReports = lambda: (),
    ) -> None:
        """Begin, with the trials that earlier drivers left. `tell` takes the lines."""
        self.study, self.space, self.total = study, space, total
        over = (record for record in records if record.state not in ("running", "paused", "interrupted", "held"))
        self.done = [record for record in over if record.confirms is None]
        self._tell = tell
        self._lines: dict[tuple[str, str], tuple[str, float]] = {}
        self._devices, self._absent = devices, dict[str, str]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def say(self, line: str) -> None:
        """Say a line."""
        self._tell(line)

    def begin(self, evaluation: Evaluation) -> None:
        """Say that a trial was begun."""
        self.say(f"trial {evaluation.number}: {self.space.label(evaluation.candidate)}")

    def finish(self, record: TrialRecord) -> None:
        """Say how a trial ended, or what it waits for."""
        if record.state == "held":
            self.say(f"trial {record.number} waits: {record.waits}")
            return
        if record.confirms is None:
            self.done.append(record)
        if record.error is not None:
            self.say(f"trial {record.number} failed: {record.error}")
            return
        where = f"{len(self.done)} of {self.total}" if record.confirms is None else f"confirms {record.confirms}"
        if record.state == "stopped":
            rung = sum(step.startswith(RUNG) for step in record.artifacts)
            self.say(f"trial {record.number} stopped: {record.label} goes no further than rung {rung}  ({where})")
            return
        if record.state == "gated":
            self.say(f"trial {record.number} gated: {record.label} misses {broken_text(record)}  ({where})")
            return
        figures = record.figures_by_name()
        words = [f"{goal.metric} {quantity(goal.metric).text(figures[goal.metric])}" for goal in self.space.objectives]
        words += [f"breaks {name}" for name, violation in record.violations.items() if violation > 0]
        words += [f"measured {mark}" for mark in sorted(set(record.verdicts.values()) - {"ok"})]
        self.say(f"trial {record.number} done: {record.label}: {', '.join(words)}  ({where})")

    def show(self, active: Mapping[int, Evaluation], scheduler: Scheduler) -> None:  # noqa: ARG002
        """Say what runs, where that is news. Each job is looked at now and then, so that many cost little.

        `active` are the trials on their way, by number.
        """
        self.tell_devices()
        now, before = time.monotonic(), self._lines
        self._lines = {}  # What has ended is forgotten.
        for work in scheduler.running:
            line, last = before.get(work.job.id, ("", -math.inf))
            if now - last > _LINE_SECONDS:
                said, line, last = line, f"trial {work.owner}: {describe(work, scheduler.store)}", now
                if line != said:
                    self.say(line)
            self._lines[work.job.id] = line, last

    def tell_devices(self) -> None:
        """Say once that a device is away, and once that it is back."""
        for device in self._devices():
            there = device.state in ("unknown", "idle", "busy")
            if not there and device.name not in self._absent:
                self._absent[device.name] = device.state
                self.say(f"device {device.name} is {device.state}: {device.error}")
            elif there and self._absent.pop(device.name, None) is not None:
                self.say(f"device {device.name} is back")


ProgressMaker = Callable[..., Progress]
"""Makes the progress of a study that its driver has opened, from the arguments of `Progress` but for `tell`."""
