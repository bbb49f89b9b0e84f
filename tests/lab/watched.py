"""A study in a process of its own, whose processes are found and killed."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

FAKE, TRIALS = "faults", 12
"""The study of trivial stages; both studies have so many trials."""

RESUMES = 3
"""How often a study is resumed that stopped by name."""


@dataclass
class Watched:
    """A study that runs in a process of its own.

    Attributes:
        name: for the table.
        command: starts it, and goes on with it.
        environment: of the process.
        output: where it writes.
        deadline: monotonic time at which it is given up.
        rows: what was done to it, and when.
        starts: how often it was started.
    """

    name: str
    command: Callable[[int], list[str]]
    environment: dict[str, str]
    output: Path
    deadline: float
    rows: list[tuple[float, str]] = field(default_factory=list)
    starts: int = 0
    began: float = field(default_factory=time.monotonic)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or go on with it."""
        with self.output.open("ab") as stream:
            self.process = subprocess.Popen(
                self.command(self.starts), env=self.environment, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL
            )
        self.starts += 1

    def note(self, what: str) -> None:
        """Keep a row of the table, and show it."""
        self.rows.append((time.monotonic() - self.began, what))
        print(f"{self.name:6s} {self.rows[-1][0]:6.1f} s  {what}", flush=True)

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def descendants(self, *words: str) -> list[psutil.Process]:
        """Its processes whose command has all the words."""
        assert self.process is not None
        found = []
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    command = " ".join(process.cmdline())
                    if all(word in command for word in words):
                        found.append(process)
        return found

    def await_target(self, find: Callable[[], list[psutil.Process]]) -> psutil.Process | None:
        """The first process that is found; None where the study ends before there is one."""
        while self.runs and time.monotonic() < self.deadline:
            found = find()
            if found:
                return found[0]
            time.sleep(0.1)
        return None

    def finish(self) -> None:
        """Wait for its end; it is resumed some times where it stopped by name."""
        while True:
            assert self.process is not None
            try:
                code = self.process.wait(max(1.0, self.deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.note("out of time")
                self.process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(60)
                self.process.kill()
                return
            if code == 0 or self.starts > RESUMES:
                self.note(f"ended with code {code}")
                return
            self.note(f"stopped with code {code}, and was resumed")
            self.start()


def kill(study: Watched, what: str, find: Callable[[], list[psutil.Process]]) -> None:
    """Kill one of its processes in the middle of its work."""
    target = study.await_target(find)
    if target is None:
        study.note(f"{what}: not reached, the study had ended")
        return
    with contextlib.suppress(psutil.Error):
        target.kill()
        study.note(f"killed {what} ({target.pid})")


def kill_worker(study: Watched) -> None:
    """A Ray worker that does a job."""
    kill(study, "a worker", lambda: study.descendants("ray::perform"))


def kill_node(study: Watched) -> None:
    """Ray's node."""
    kill(study, "Ray's node", lambda: study.descendants("raylet/raylet"))


def kill_export(study: Watched) -> None:
    """An export process that does a step."""

    def find() -> list[psutil.Process]:
        found = []
        for process in study.descendants("mqn.export.worker"):
            with contextlib.suppress(psutil.Error):
                if "ray::perform" in " ".join(process.parent().cmdline()):  # type: ignore[union-attr]
                    found.append(process)
        return found

    kill(study, "the export process", find)
