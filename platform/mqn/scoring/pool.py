"""Worker processes of our own: one that dies costs the task that it had in hand, and none outlives its parent.

The standard library's pool is broken for good when a worker is killed (no memory left, a crash in native code) and does
not say at which task; and its workers stay when the parent is killed. Here each worker has a pipe of its own, whose end
tells either side of the other's death.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Handler = Callable[[Any], Iterable[Any]]
"""A task to its answers, in order."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_CLOSED = (EOFError, BrokenPipeError, ConnectionResetError)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """One answer to a task.

    Attributes:
        task: the task.
        place: how many answers to it came before.
        value: the answer.
    """

    task: T
    place: int
    value: Any


@dataclass(frozen=True, slots=True)
class Death(Generic[T]):
    """The worker died at a task.

    Attributes:
        task: the task.
        place: how many answers to it came before.
        reason: in words.
    """

    task: T
    place: int
    reason: str


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    task: Any = None
    place: int = 0


class Pool(Generic[T]):
    """Spawned processes, one thread each, that work a queue of tasks off. Use it as a context manager."""

    def __init__(self, make: Callable[..., Handler], *arguments: Any, workers: int) -> None:
        """Set a pool up; processes start with the first tasks.

        Args:
            make: called once in every worker with `arguments`; returns what handles the tasks. Must be importable.
            arguments: can be pickled.
            workers: how many at most.
        """
        self._make = (make, arguments)
        self._limit = workers
        self._context = get_context("spawn")
        self._workers: list[_Worker] = []

    def __enter__(self) -> Pool[T]:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.connection.close()
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
        self._workers = []

    def work(self, tasks: deque[T]) -> Iterator[Answer[T] | Death[T]]:
        """Work tasks off.

        Args:
            tasks: taken from its left; more may be put in at any event.

        Yields:
            Answers and deaths as they come.
        """
        while True:
            self._hand_out(tasks)
            busy = {worker.connection: worker for worker in self._workers if worker.task is not None}
            if not busy:
                return
            for connection in wait(list(busy)):
                assert isinstance(connection, Connection)
                yield from self._hear(busy[connection])

    def _hand_out(self, tasks: deque[T]) -> None:
        idle = [worker for worker in self._workers if worker.task is None]
        while tasks and (idle or len(self._workers) < self._limit):
            worker = idle.pop() if idle else self._start()
            worker.task, worker.place = tasks.popleft(), 0
            # A worker that is dead already is heard of by the end of its pipe.
            with contextlib.suppress(*_CLOSED):
                worker.connection.send(worker.task)

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        with contextlib.suppress(*_CLOSED):
            ours.send(self._make)
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _hear(self, worker: _Worker) -> Iterator[Answer[T] | Death[T]]:
        try:
            done, value = worker.connection.recv()
        # OSError: it died in the middle of an answer.
        except (EOFError, OSError):
            worker.process.join()
            worker.connection.close()
            self._workers.remove(worker)
            yield Death(worker.task, worker.place, _cause(worker.process.exitcode or 0))
            return
        if done:
            worker.task = None
        else:
            worker.place += 1
            yield Answer(worker.task, worker.place - 1, value)


def _serve(connection: Connection) -> None:
    """A worker's life: it ends when the pipe does."""
    # Ctrl-C reaches the whole group of processes; the parent decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Before what comes through the pipe imports numpy or torch, which read them once.
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    with contextlib.suppress(*_CLOSED):
        make, arguments = connection.recv()
        handle = make(*arguments)
        while True:
            for value in handle(connection.recv()):
                connection.send((False, value))
            connection.send((True, None))


def _cause(exit_code: int) -> str:
    if exit_code >= 0:
        return f"its process ended with exit code {exit_code}"
    name = signal.Signals(-exit_code).name
    return f"its process was ended by {name}" + (" (was there enough memory?)" if name == "SIGKILL" else "")
