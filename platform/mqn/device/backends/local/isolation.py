"""A pass in a subprocess: isolated, killed with all that it started; returns how it ended.

The calling thread sleeps in the kernel meanwhile: it must not disturb a measurement on this machine.
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
from typing import BinaryIO

from mqn.device.backends.local.confinement import WARDEN, confinement, environment
from mqn.device.passes import PassRequest, PassResult, died, printable, time_is_up
from mqn.errors import DeviceAwayError

BENCH_COMMAND = (sys.executable, "-P", "-m", "mqn.device.bench")
TOKEN_VARIABLE = "MQN_AGENT_TOKEN"  # noqa: S105  (a name, not a secret)
PARENT_VARIABLE = "MQN_AGENT_PID"
# How long a warden may take to kill what it watches, before it is killed itself.
PATIENCE_SECONDS = 10.0


class KillSwitch:
    """Kills the process attached to it with all that it started, now or as soon as one is attached."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._group: int | None = None
        self._watched = False
        self._impatience: threading.Timer | None = None
        self.pulled = threading.Event()

    def pull(self) -> None:
        """Kill what is attached, and whatever will be."""
        with self._lock:
            self.pulled.set()
            self._kill()

    def attach(self, group: int, *, watched: bool = False) -> None:
        """Take charge of a process group; a watched one begins with a warden, which kills the rest when it ends."""
        with self._lock:
            self._group, self._watched = group, watched
            if self.pulled.is_set():
                self._kill()

    def detach(self) -> None:
        """Let go of it: its number may soon be another's."""
        with self._lock:
            self._group = None
            if self._impatience is not None:
                self._impatience.cancel()
                self._impatience = None

    def kill_attached(self) -> None:
        """Kill what is attached now, and leave the switch as it is."""
        with self._lock:
            self._kill()

    def kill_group(self) -> None:
        """Kill the whole group, its warden too."""
        with self._lock:
            if self._group is not None:
                os.killpg(self._group, signal.SIGKILL)

    def _kill(self) -> None:
        if self._group is None:
            return
        if not self._watched:
            os.killpg(self._group, signal.SIGKILL)
        elif self._impatience is None:
            os.kill(self._group, signal.SIGTERM)
            os.kill(self._group, signal.SIGCONT)  # a pass of the same user may have stopped it
            self._impatience = threading.Timer(PATIENCE_SECONDS, self.kill_group)
            self._impatience.daemon = True
            self._impatience.start()


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

    def failure(self, request: PassRequest, rejected_code: int | None = None) -> PassResult | None:
        """What this says against a pass; None where its process ended in order.

        Args:
            request: what the pass was told to do.
            rejected_code: the exit code by which its program refuses a model.
        """
        if self.timed_out:
            return time_is_up(request)
        if self.returncode == 0:
            return None
        return died(request, self.description, "rejected" if self.returncode == rejected_code else "crashed")


def run_isolated(
    folder: Path,
    timeout_seconds: float,
    switch: KillSwitch,
    command: Sequence[str] = BENCH_COMMAND,
    *,
    confined: bool = True,
    threads: int = 1,
) -> Ending:
    """Run a command in a folder until it ends, its time is over, or the switch is pulled.

    Args:
        folder: its current folder; confined, it is given to the command.
        timeout_seconds: wall-clock limit; then it is killed with all that it started.
        switch: kills it from another thread.
        command: what to run; the bench.
        confined: shut it in, as `confinement` found out; else it is a program of ours that needs what we have.
        threads: that a confined command needs, for the limit on its processes.

    Returns:
        How it ended. Of a confined command nothing outlives it; of another, nothing in its group.

    Raises:
        DeviceAwayError: it cannot be shut in as this machine could before.
    """
    errors = folder / "stderr.txt"
    expired = threading.Event()
    watched = confined and sys.platform == "linux"

    def expire() -> None:
        expired.set()
        switch.kill_attached()

    with errors.open("w+b") as stream:
        process, refusal = _start(folder, command, stream, threads if watched else None, confined=confined)
        switch.attach(process.pid, watched=watched)
        timer = threading.Timer(timeout_seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            # Waits without reaping: until `wait` below the group's number is still ours, so a late kill hits no
            # stranger.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        finally:
            timer.cancel()
            switch.kill_group()
            switch.detach()
            returncode = process.wait()
            words = _read_refusal(refusal)
        # By the open file: a pass may have put something else in its place.
        last_words = _read_last_line(stream)
    if words:
        raise DeviceAwayError(f"this machine cannot shut a pass in, as it could before: {words}")
    if watched and returncode == -signal.SIGTERM and (expired.is_set() or switch.pulled.is_set()):
        returncode = -signal.SIGKILL  # a warden that had not begun
    return Ending(returncode=returncode, timed_out=expired.is_set(), last_words=last_words)


def _start(
    folder: Path, command: Sequence[str], stream: BinaryIO, threads: int | None, *, confined: bool
) -> tuple[subprocess.Popen[bytes], int | None]:
    """Start a command, by a warden where it is to have so many threads; and where that says why it did not begin."""
    variables = environment(folder) if confined else {k: v for k, v in os.environ.items() if k != TOKEN_VARIABLE}
    refusal: int | None = None
    report: tuple[int, ...] = ()
    if threads is not None:
        refusal, writing = os.pipe()
        report = (writing,)
        command = [*WARDEN, confinement().order(command, threads, writing)]
    else:
        variables[PARENT_VARIABLE] = str(os.getpid())
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            pass_fds=report,
        )
    except BaseException:
        _read_refusal(refusal)
        raise
    finally:
        for descriptor in report:
            os.close(descriptor)
    return process, refusal


def _read_refusal(descriptor: int | None) -> str:
    if descriptor is None:
        return ""
    os.set_blocking(descriptor, False)
    try:
        return printable(os.read(descriptor, 500).decode(errors="replace"))
    except BlockingIOError:
        return ""
    finally:
        os.close(descriptor)


def _read_last_line(stream: BinaryIO) -> str:
    stream.seek(max(0, stream.seek(0, os.SEEK_END) - 4096))
    lines = stream.read(4096).decode("utf-8", errors="replace").split("\n")
    return next((printable(line) for line in reversed(lines) if line.strip()), "")
