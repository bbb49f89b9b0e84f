"""Where a driver's processor time goes: by part, each without what it calls in another part."""

from __future__ import annotations

import functools
import gc
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from mqn.search.artifacts import ArtifactStore
from mqn.search.simulation.engine import SimulatedEngine
from mqn.search.storage.retrying import Patience
from mqn.search.study.loop import Loop
from mqn.search.study.progress import Progress
from mqn.search.study.study import Study
from mqn.search.work.evaluation import Evaluation
from mqn.search.work.scheduler import Scheduler
from mqn.track.tracker import Tracker

SIMULATION = "simulation"
"""What real engines do elsewhere: it is no cost of the driver."""

PARTS: tuple[tuple[str, type, tuple[str, ...]], ...] = (
    ("drawing", Study, ("ask", "enqueue", "take_up")),
    ("records", Study, ("note", "finish")),
    ("database", Patience, ("__call__",)),
    ("scheduler", Scheduler, ("step", "request", "insist", "rests")),
    ("trials", Evaluation, ("advance", "record")),
    ("artifacts", ArtifactStore, ("find", "get", "find_steps")),
    ("progress", Progress, ("begin", "finish", "show", "say")),
    ("tracking", Tracker, ("log_trial",)),
    ("loop", Loop, ("run",)),
    (SIMULATION, SimulatedEngine, ("submit", "wait", "collect")),
)


class DriverCosts:
    """Processor seconds and wall seconds by part, and the longest steps.

    Attributes:
        cpu: processor seconds of the driver's thread, by part.
        wall: wall seconds, by part.
        calls: how often each method was called.
        longest: the longest single call in processor seconds, without what the simulation took of it; `garbage` is the
            longest search for garbage, which stops everything.
    """

    def __init__(self) -> None:
        self.cpu: defaultdict[str, float] = defaultdict(float)
        self.wall: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self.longest: defaultdict[str, float] = defaultdict(float)
        self._stack: list[str] = []
        self._last = (0.0, 0.0)
        self._garbage = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every part while the block runs."""
        with mock.patch.object(Loop, "advance", self._timed("loop", Loop.advance, "Loop.advance")):
            patches = [
                mock.patch.object(owner, name, self._timed(part, getattr(owner, name), f"{owner.__name__}.{name}"))
                for part, owner, names in PARTS
                for name in names
            ]
            for patch in patches:
                patch.start()
            gc.callbacks.append(self._note_garbage)
            try:
                yield
            finally:
                gc.callbacks.remove(self._note_garbage)
                for patch in patches:
                    patch.stop()

    @property
    def driver_cpu(self) -> float:
        """Processor seconds of the driver, without the simulation."""
        return sum(seconds for part, seconds in self.cpu.items() if part != SIMULATION)

    def _timed(self, part: str, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(call)
        def timed(*words: Any, **options: Any) -> Any:
            self._book()
            self._stack.append(part)
            self.calls[name] += 1
            before = self.driver_cpu if name in ("Loop.advance", "Scheduler.step") else 0.0
            try:
                return call(*words, **options)
            finally:
                self._book()
                self._stack.pop()
                if before:
                    self.longest[name] = max(self.longest[name], self.driver_cpu - before)

        return timed

    def _note_garbage(self, phase: str, _told: dict[str, int]) -> None:
        if phase == "start":
            self._garbage = time.thread_time()
        else:
            self.longest["garbage"] = max(self.longest["garbage"], time.thread_time() - self._garbage)

    def _book(self) -> None:
        """Book the time since the last call on the part that is at work."""
        now = time.thread_time(), time.perf_counter()
        if self._stack:
            self.cpu[self._stack[-1]] += now[0] - self._last[0]
            self.wall[self._stack[-1]] += now[1] - self._last[1]
        self._last = now
