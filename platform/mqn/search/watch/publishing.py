"""Puts what a driver does into the database, from a thread of its own: the loop never waits for it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Self

import sqlalchemy.exc
from sqlalchemy.engine import Engine

from mqn.search.storage.snapshots import (
    LARGEST_CHARACTERS,
    make_snapshots,
    remove_snapshot,
    write_snapshot,
)
from mqn.search.watch.observing import Observer
from mqn.search.watch.snapshot import Snapshot

if TYPE_CHECKING:
    from mqn.records import TrialRecord
    from mqn.search.work.evaluation import Evaluation
    from mqn.search.work.scheduler import Scheduler

PERIOD_SECONDS = 2.0


class Publisher:
    """Looks at a driver every `PERIOD_SECONDS` while its loop calls it, and keeps its row in the database.

    A database that is away costs the row, and nothing else.

    Attributes:
        last: what was seen last; None before the first step.
        stepped: monotonic time of the loop's last step; before the first, of the publisher's beginning.
        listeners: told of every trial that has ended or waits.
    """

    def __init__(
        self,
        engine: Engine,
        driver: str,
        study: str,
        observer: Observer,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; entering it begins. `driver` is the id of the driver's lease."""
        self._engine, self._driver, self._study, self._observer, self._clock = engine, driver, study, observer, clock
        self._looked, self.stepped = -PERIOD_SECONDS, clock()
        self.last: Snapshot | None = None
        self.listeners: list[Callable[[TrialRecord], object]] = []
        self._news, self._over = threading.Event(), False
        self._thread = threading.Thread(target=self._write_on, name="snapshots", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._news.set()
        self._thread.join()

    def step(self, active: Mapping[int, Evaluation], scheduler: Scheduler) -> None:
        """The loop has made a step."""
        self.stepped = now = self._clock()
        if now - self._looked >= PERIOD_SECONDS:
            self._looked = now
            self.last = self._observer.look(active, scheduler)
            self._news.set()

    def finish(self, record: TrialRecord) -> None:
        """A trial has ended, or waits."""
        self._observer.note(record.number, record.error or record.waits)
        for tell in self.listeners:
            tell(record)

    def _write_on(self) -> None:
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
            make_snapshots(self._engine, self._study)
        over = False
        while not over:
            self._news.wait()
            self._news.clear()
            over = self._over  # Read once: what is set later comes with news of its own.
            with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
                if over:
                    remove_snapshot(self._engine, self._driver)
                elif self.last is not None:
                    write_snapshot(self._engine, self._driver, self._study, self.last.text(LARGEST_CHARACTERS))
