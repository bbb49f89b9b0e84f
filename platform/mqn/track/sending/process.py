"""The process that talks to MLflow. In a thread of the driver it would take half of the time of the driver's Python.

It has one pipe for each entry that it may have in hand. It ends with the process that started it, whatever it is at: an
entry that was half sent lies in the spool still, and is sent again.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import traceback
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from mqn.track.sending.attempts import Attempts, Outcome
from mqn.workers import End

LANES = 4
"""Entries that are sent at a time."""

_END_SECONDS = 5.0


class SenderProcess:
    """`Attempts` in a process of its own, which is started when it is needed, and anew where it was killed."""

    def __init__(self, uri: str) -> None:
        """Prepare; nothing is started yet."""
        self._uri = uri
        self._process: subprocess.Popen[bytes] | None = None
        self._free: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        self._starting = threading.Lock()

    def start(self) -> None:
        """Start the process, unless it runs. It imports MLflow at once, and nobody waits for that."""
        self._running()

    def send(self, path: Path, stalled: str) -> Outcome:
        """As `Attempts.send`. Where the process was killed, the entry has failed, and the next starts another."""
        try:
            outcome: Outcome = self._ask("send", path, stalled)
        except _EndedError as error:
            return Outcome(failed=str(error))
        return outcome

    def answers(self) -> bool:
        """As `Attempts.answers`; False where the process was killed."""
        try:
            return bool(self._ask("answers"))
        except _EndedError:
            return False

    def close(self) -> None:
        """End the process, whatever it is at."""
        with self._starting:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
                self._process = None
                self._let_go()

    def _ask(self, *words: Any) -> Any:
        process, free = self._running()
        connection = free.get()
        try:
            connection.send(words)
            done, value = connection.recv()
        except (EOFError, OSError):
            connection.close()
            raise _EndedError(process) from None
        free.put(connection)
        if not done:
            raise RuntimeError(value)
        return value

    def _running(self) -> tuple[subprocess.Popen[bytes], queue.SimpleQueue[Connection]]:
        """The process, which is started where there is none, and those of its pipes that nobody uses."""
        with self._starting:
            if self._process is None or self._process.poll() is not None:
                self._let_go()
                self._process = self._launch()
            return self._process, self._free

    def _launch(self) -> subprocess.Popen[bytes]:
        ours, theirs = zip(*(Pipe() for _ in range(LANES)), strict=True)
        descriptors = [connection.fileno() for connection in theirs]
        # Nothing that lies in the user's folder is taken for a library while Python starts.
        program = f"from mqn.track.sending.process import serve; serve({descriptors})"
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", program], stdin=subprocess.DEVNULL, pass_fds=descriptors
            )
        finally:
            for connection in theirs:
                connection.close()
        self._free = queue.SimpleQueue()
        for connection in ours:
            self._free.put(connection)
        with contextlib.suppress(OSError):  # It has ended already; the next call tells.
            ours[0].send(self._uri)  # It may hold a password, so it is no argument of a command.
        return process

    def _let_go(self) -> None:
        while not self._free.empty():
            self._free.get().close()


class _EndedError(Exception):
    """The process ended with an entry in hand."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()  # It has closed a pipe: whatever is left of it is of no use.
        super().__init__(f"the process that sends to the tracking server ended: {End(process.wait())}")


def serve(descriptors: list[int]) -> None:
    """The process's life: one thread a pipe, each with one entry at a time.

    Args:
        descriptors: of the pipes.
    """
    # Ctrl-C, a terminal that closes and a scheduler that stops a job reach the whole group of processes. The parent
    # sends what is left, and then ends this one.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(2, 1)  # What libraries print is no part of the program's output.
    lanes = [Connection(descriptor) for descriptor in descriptors]
    try:
        attempts = Attempts(lanes[0].recv())
    except (EOFError, OSError):
        return
    threads = [threading.Thread(target=_serve_lane, args=(lane, attempts)) for lane in lanes]
    for thread in threads:
        thread.start()
    attempts.prepare()
    # While the main thread lives: behind its end Python starts no pool of threads, with which libraries upload files.
    for thread in threads:
        thread.join()


def _serve_lane(lane: Connection, attempts: Attempts) -> None:
    while True:
        try:
            name, *words = lane.recv()
        except (EOFError, OSError):
            os._exit(0)
        try:
            answer = True, getattr(attempts, name)(*words)
        except Exception:  # noqa: BLE001 - a bug of ours, which is raised again where it can be seen
            answer = False, traceback.format_exc()
        try:
            lane.send(answer)
        except OSError:
            os._exit(0)
