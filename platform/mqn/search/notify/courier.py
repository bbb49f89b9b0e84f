"""Hands events to targets from a thread of its own: a study never waits for them, and never fails with them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence

import sqlalchemy.exc

from mqn.errors import MqnError
from mqn.search.notify.event import Event
from mqn.search.notify.targets import Target

MOST_WAITING = 64
"""Events beyond that are dropped: a target that hangs must not fill the memory."""
TRIES = 2
"""Of each event and target."""
_PAUSE_SECONDS = 2.0


class Courier:
    """Tells targets of events, one after the other."""

    def __init__(
        self,
        study: str,
        targets: Sequence[Target],
        first_time: Callable[[str], bool],
        *,
        pause_seconds: float = _PAUSE_SECONDS,
    ) -> None:
        """Begin.

        Args:
            study: its name.
            targets: who is told.
            first_time: whether an event, by its key, was not told before; asked once for each.
            pause_seconds: between two tries.
        """
        self._study, self._targets, self._first_time = study, targets, first_time
        self._pause_seconds = pause_seconds
        self._waiting: queue.Queue[tuple[Event, float] | None] = queue.Queue(MOST_WAITING)
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._said: set[str] = set()
        self._closing, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
        self._thread.start()

    def post(self, event: Event) -> None:
        """Have an event told. Never waits."""
        try:
            self._waiting.put_nowait((event, time.time()))
        except queue.Full:
            self._say(f"notify: {MOST_WAITING} events wait, so further ones are not told")

    def news(self) -> list[str]:
        """Lines on what went wrong since the last call, each failure of a target once."""
        found = []
        while not self._lines.empty():
            found.append(self._lines.get())
        return found

    def close(self, seconds: float) -> None:
        """Tell what waits, for at most so long; what is left then is dropped."""
        self._closing.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            self._say("notify: what happened last is not told, for too many events wait")
            self._stop()
            return
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._say(f"notify: not everything was told within {seconds:g} s")
            self._stop()

    def _stop(self) -> None:
        self._over.set()
        for target in self._targets:
            target.stop()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            event, at = item
            try:
                if not self._first_time(event.key):
                    continue
            except (MqnError, sqlalchemy.exc.SQLAlchemyError):
                self._say("notify: the study's database does not answer, so an event is not told")
                continue
            document = event.document(self._study, at)
            for target in self._targets:
                if self._over.is_set():
                    return
                if why := self._send(target, document):
                    self._say(f"notify: the {target.name} {why}")

    def _send(self, target: Target, document: bytes) -> str:
        why = ""
        for attempt in range(TRIES):
            if attempt:
                self._closing.wait(self._pause_seconds)
            if self._over.is_set():
                break
            if not (why := target.send(document)):
                break
        return why

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._lines.put(line)
