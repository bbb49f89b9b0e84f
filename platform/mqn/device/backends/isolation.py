"""A pass in a subprocess: started in a group of its own, killed as a group, its end told as a fact.

The calling thread sleeps in the kernel meanwhile: whoever measures on this machine must not be woken by us.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqn.device.passes import printable

BENCH_COMMAND = (sys.executable, "-P", "-m", "mqn.device.bench")
TOKEN_VARIABLE = "MQN_AGENT_TOKEN"  # noqa: S105  (a name, not a secret)
PARENT_VARIABLE = "MQN_AGENT_PID"


class KillSwitch:
    """Kills the process group attached to it, now or as soon as one is attached."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._group: int | None = None
        self.pulled = threading.Event()

    def pull(self) -> None:
        """Kill what is attached, and whatever will be."""
        with self._lock:
            self.pulled.set()
            self._kill()

    def attach(self, group: int) -> None:
        """Take charge of a process group."""
        with self._lock:
            self._group = group
            if self.pulled.is_set():
                self._kill()

    def detach(self) -> None:
        """Let go of it: its number may soon be another's."""
        with self._lock:
            self._group = None

    def kill_attached(self) -> None:
        """Kill what is attached now, and leave the switch as it is."""
        with self._lock:
            self._kill()

    def _kill(self) -> None:
        if self._group is not None:
            os.killpg(self._group, signal.SIGKILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a subprocess ended.

    Attributes:
        returncode: its exit code; the negative number of the signal that killed it.
        timed_out: whether that was our wall clock.
        last_words: the last line that it wrote to its standard error; empty if none.
    """

    returncode: int
    timed_out: bool
    last_words: str

    @property
    def description(self) -> str:
        """A few words for a reason: `killed by SIGSEGV`, `exit code 1: MemoryError`."""
        if self.returncode < 0:
            try:
                return f"killed by {signal.Signals(-self.returncode).name}"
            except ValueError:
                return f"killed by signal {-self.returncode}"
        return f"exit code {self.returncode}{': ' + self.last_words if self.last_words else ''}"


def run_isolated(
    folder: Path, timeout_seconds: float, switch: KillSwitch, command: Sequence[str] = BENCH_COMMAND
) -> Ending:
    """Run a command in a folder until it ends, its time is over, or the switch is pulled.

    Args:
        folder: its current folder.
        timeout_seconds: wall-clock limit; then its whole process group is killed.
        switch: kills it from another thread.
        command: what to run; the bench.

    Returns:
        How it ended; nothing that it started in its group outlives it.
    """
    environment = {key: value for key, value in os.environ.items() if key != TOKEN_VARIABLE}
    environment[PARENT_VARIABLE] = str(os.getpid())
    errors = folder / "stderr.txt"
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        switch.kill_attached()

    with errors.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    switch.attach(process.pid)
    timer = threading.Timer(timeout_seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        # Waits without reaping: until `wait` below the group's number is still ours, so a late kill hits no stranger.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    finally:
        timer.cancel()
        switch.kill_attached()
        switch.detach()
        returncode = process.wait()
    return Ending(returncode=returncode, timed_out=expired.is_set(), last_words=_read_last_line(errors))


def _read_last_line(path: Path) -> str:
    lines = path.read_bytes()[-4096:].decode("utf-8", errors="replace").split("\n")
    return next((printable(line) for line in reversed(lines) if line.strip()), "")
