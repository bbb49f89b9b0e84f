"""Workers that share a queue of tasks. If one dies, only the task that it worked on is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from mqn.errors import MqnError
from mqn.workers import EndedError, Handler, Worker

T = TypeVar("T")

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Variables that numpy and torch read once, when they are imported."""


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
    """A task came to its end too early: its worker died, or it failed by name.

    Attributes:
        task: the task.
        place: how many answers to it came before.
        reason: in words.
    """

    task: T
    place: int
    reason: str


@dataclass(slots=True)
class _Seat:
    worker: Worker
    task: Any = None
    place: int = 0


class Pool(Generic[T]):
    """Workers of one thread each that work a queue of tasks off. Use it as a context manager."""

    def __init__(self, make: Callable[..., Handler], *arguments: Any, workers: int) -> None:
        """Set up a pool of at most `workers` processes, which start with the first tasks; see `Worker`."""
        self._make = (make, *arguments)
        self._limit = workers
        self._seats: list[_Seat] = []

    def __enter__(self) -> Pool[T]:
        return self

    def __exit__(self, *_: object) -> None:
        for seat in self._seats:
            seat.worker.close()
        self._seats = []

    def work(self, tasks: deque[T]) -> Iterator[Answer[T] | Death[T]]:
        """Do the tasks, from the left, and yield answers and deaths as they come.

        More tasks may be put in at any event.
        """
        while True:
            self._hand_out(tasks)
            busy = {seat.worker.connection: seat for seat in self._seats if seat.task is not None}
            if not busy:
                return
            for connection in wait(list(busy)):
                assert isinstance(connection, Connection)
                yield from self._hear(busy[connection])

    def _hand_out(self, tasks: deque[T]) -> None:
        idle = [seat for seat in self._seats if seat.task is None]
        while tasks and (idle or len(self._seats) < self._limit):
            if idle:
                seat = idle.pop()
            else:
                seat = _Seat(Worker(*self._make, environment=ONE_THREAD))
                self._seats.append(seat)
            seat.task, seat.place = tasks.popleft(), 0
            seat.worker.start(seat.task)

    def _hear(self, seat: _Seat) -> Iterator[Answer[T] | Death[T]]:
        task, place = seat.task, seat.place
        try:
            done, value = seat.worker.receive()
        except (EndedError, MqnError) as error:
            seat.task = None
            if isinstance(error, EndedError):
                seat.worker.close()
                self._seats.remove(seat)
            yield Death(task, place, str(error))
            return
        if done:
            seat.task = None
        else:
            seat.place += 1
            yield Answer(task, place, value)
