"""Worker processes outside Ray: a worker that dies costs the task that it had in hand, and none outlives its parent.

A worker is a new Python, never a fork, so that TensorFlow does not meet the caller's Ray or threads. It has a pipe of
its own for tasks and answers. The end of the pipe tells the parent at which task the worker died, and tells the worker
that nobody waits any more: it ends at once, whatever it is at, and writes nothing more into a folder that somebody else
may take up.

Why no library: `concurrent.futures` is broken for good once a worker is killed. Under `pebble` (5.2.3, tried) all
workers share one pipe: a worker that is killed in the middle of an answer hangs every other task, and workers go on
with their task when the parent is killed.
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
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import ForkingPickler
from typing import Any

from mqn import errors
from mqn.faults import failure_of, ran_out_of_memory
from mqn.logs import capture

Handler = Callable[[Any], Iterable[Any]]
"""A task to its answers, in order."""

_CLOSED = (BrokenPipeError, ConnectionResetError)
_TAIL_LINES, _TAIL_CHARACTERS = 12, 600
_MARK = b"\0\0the task has ended\n"
"""Stands in a worker's output where a task ends, so that no later task's log gets what it said."""
_HEAR_SECONDS = 2.0
# What a process does to itself; every other signal comes from elsewhere.
_OWN_SIGNALS = (signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGBUS, signal.SIGTRAP)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class End:
    """How a process ended.

    Attributes:
        code: its exit code; the negative number of the signal that ended it.
        words: the last that it wrote to stderr, where that was kept.
    """

    code: int
    words: str = ""

    @property
    def out_of_memory(self) -> bool:
        """Whether its last words say that memory was used up."""
        return ran_out_of_memory(self.words)

    @property
    def crashed(self) -> bool:
        """Whether it was ended by a fault of its own native code."""
        return -self.code in _OWN_SIGNALS and not self.out_of_memory

    @property
    def killed(self) -> bool:
        """Whether it was ended from elsewhere, or for want of memory."""
        return self.out_of_memory or (self.code < 0 and not self.crashed)

    def __str__(self) -> str:
        name = signal.Signals(-self.code).name if -self.code in signal.valid_signals() else f"code {self.code}"
        if self.killed:
            short = "; perhaps memory was short" if -self.code == signal.SIGKILL else ""
            words = f"; its last words: {self.words}" if self.words else ""
            return f"its process was killed ({name}){short}{words}"
        how = f"crashed ({name})" if self.crashed else f"ended with code {self.code}"
        return f"its process {how}{': ' + self.words if self.words else ''}"


class EndedError(Exception):
    """A worker ended in the middle of a task."""

    def __init__(self, end: End) -> None:
        super().__init__(str(end))
        self.end = end


class Worker:
    """A process that works through many tasks, so that libraries are imported once."""

    def __init__(
        self,
        make: Callable[..., Handler],
        *arguments: Any,
        environment: Mapping[str, str] | None = None,
        keep_words: bool = False,
    ) -> None:
        """Start the process.

        Args:
            make: called in the process with `arguments` at the first task; returns what handles tasks. Importable.
            arguments: can be pickled.
            environment: variables that the process has besides this one's.
            keep_words: keep the end of its output for `End.words`, and pass it on to the log that is written meanwhile
                (`mqn.logs.capture`), in place of this process's stderr.
        """
        self.connection, theirs = Pipe()
        # Nothing that lies in the user's folder is taken for a library while Python starts.
        program = f"from mqn.workers import serve; serve({theirs.fileno()}, marks={keep_words})"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", program],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE if keep_words else None,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._heard = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._send((make, arguments))

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take another task."""
        return self._process.poll() is None

    def start(self, task: Any) -> None:
        """Hand it a task; `receive` tells what comes of it."""
        self._tail.clear()
        self._heard.clear()
        self._send(task)

    def receive(self) -> tuple[bool, Any]:
        """Wait for what comes next of the task in hand.

        Returns:
            False and an answer; or True once the task is finished.

        Raises:
            EndedError: the process ended.
            MqnError: the task failed by name. The process can take another.
        """
        try:
            kind, value = self.connection.recv()
        except (EOFError, OSError):  # OSError: it died in the middle of an answer.
            code = self._process.wait()
            self._listener.join(timeout=5)
            words = " | ".join(line for line in self._tail if line)[-_TAIL_CHARACTERS:]
            raise EndedError(End(code, words)) from None
        if kind != "answer" and self._process.stderr:
            self._heard.wait(_HEAR_SECONDS)
        if kind == "error":
            raise errors.from_plain(value)
        return kind == "done", value

    def close(self) -> None:
        """Stop the process, whatever it is at."""
        self.connection.close()
        self._process.kill()
        self._process.wait()
        self._listener.join(timeout=5)
        if self._process.stderr:
            self._process.stderr.close()

    def _send(self, value: Any) -> None:
        # Of a process that has ended already, the end of its pipe tells.
        # A module may have become importable here since the process was started.
        with contextlib.suppress(*_CLOSED):
            self.connection.send(([path for path in sys.path if path], ForkingPickler.dumps(value).tobytes()))

    def _listen(self) -> None:
        for line in self._process.stderr or ():
            said = line.removesuffix(_MARK)
            if said:
                capture.pass_on(said)
                self._tail.append(said.decode(errors="replace").strip())
            if said != line:
                self._heard.set()


def serve(descriptor: int, *, marks: bool = False) -> None:
    """A worker's life: tasks from a pipe, one after the other.

    An exception that is neither an `MqnError` nor a fault of machinery ends the process with its traceback.

    Args:
        descriptor: of the pipe.
        marks: whether the end of each task is marked in the output.
    """
    # Ctrl-C reaches the whole group of processes; the parent decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # What libraries print is no part of the program's output.
    connection = Connection(descriptor)
    messages = _messages(connection)
    make, arguments = next(messages)
    handle: Handler | None = None
    for task in messages:
        try:
            handle = handle or make(*arguments)
            for value in handle(task):
                _send(connection, "answer", value)
            _mark(marks)
            _send(connection, "done")
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                raise
            if marks:
                traceback.print_exc()
            _mark(marks)
            _send(connection, "error", errors.to_plain(failure))


def _mark(wanted: bool) -> None:
    if wanted:
        os.write(2, _MARK)


def _send(connection: Connection, kind: str, value: Any = None) -> None:
    try:
        connection.send((kind, value))
    except _CLOSED:
        os._exit(0)


def _messages(connection: Connection) -> Iterator[Any]:
    """What the parent sends; the process ends when the pipe does, whatever it is at."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                waiting.put(connection.recv_bytes())
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        sys.path[:], value = ForkingPickler.loads(waiting.get())
        yield ForkingPickler.loads(value)
