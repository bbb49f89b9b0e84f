"""Puts together what shows a driver to the outside."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import sqlalchemy.exc

from mqn import cluster
from mqn.errors import FaultError, StudyBusyError
from mqn.profile_tables.metrics import MetricsProfile
from mqn.search.storage.drivers import read_drivers
from mqn.search.storage.lease import Lease
from mqn.search.storage.retrying import Patience
from mqn.search.storage.store import StudyStore
from mqn.search.watch.endpoint import Endpoint
from mqn.search.watch.metrics import Meter
from mqn.search.watch.observing import Observer
from mqn.search.watch.publishing import Publisher

_SELDOM = 99.0
"""So many times as long as it took to find a figure, it is not found again."""


@contextlib.contextmanager
def open_watch(
    observer: Observer,
    store: StudyStore,
    lease: Lease,
    profile: MetricsProfile,
    *,
    spent: Callable[[StudyStore], Any] = lambda _: {},
    volume: Callable[[StudyStore], float | None] = lambda _: None,
    say: Callable[[str], object] = lambda _: None,
) -> Iterator[Publisher]:
    """Publish what a driver does while the block runs: in the database, and over HTTP where the profile says so.

    Args:
        observer: looks at the driver.
        store: the study's database.
        lease: the driver's.
        profile: where metrics are served.
        spent: from the study's database to what is spent, budget by budget; called from other threads.
        volume: from the study's database to the hypervolume of its front; likewise, and not more often than it takes a
            hundredth of the time.
        say: told where metrics are served.

    Raises:
        ConfigError: the port cannot be had.
    """
    publisher = Publisher(store.database.engine, lease.driver, lease.study, observer)
    with contextlib.ExitStack() as stack:
        if profile.port is not None:
            impatient = replace(store, patience=Patience(store.url))  # Who asks would rather know now than wait.
            meter = Meter(
                lease.study,
                last=lambda: publisher.last,
                stepped=lambda: publisher.stepped,
                heartbeat=lambda: _heartbeat_age(store, lease),
                spent=lambda: spent(impatient),
                volume=Seldom(lambda: volume(impatient)),
            )
            publisher.listeners.append(meter.note)
            trouble = Health(store, lease, publisher, profile.stale_seconds).trouble
            endpoint = stack.enter_context(Endpoint(profile, meter.text, trouble))
            say(f"metrics: {endpoint.url}/metrics, health: {endpoint.url}/healthz")
        yield stack.enter_context(publisher)


class Seldom:
    """A figure that takes long to find: found anew only so often that it takes a hundredth of the time."""

    def __init__(self, find: Callable[[], float | None], clock: Callable[[], float] = time.monotonic) -> None:
        """Find it when it is asked for; `clock` is in monotonic seconds."""
        self._find, self._clock = find, clock
        self._lock = threading.Lock()
        self._found: float | None = None
        self._next = -math.inf

    def __call__(self) -> float | None:
        """The figure, as it was when it was found last."""
        with self._lock:
            began = self._clock()
            if began >= self._next:
                self._found = self._find()
                ended = self._clock()
                self._next = ended + _SELDOM * (ended - began)
            return self._found


class Health:
    """Whether a driver is well: its lease, its loop, its database, Ray."""

    def __init__(
        self,
        store: StudyStore,
        lease: Lease,
        publisher: Publisher,
        stale_seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        ended: Callable[[], str] = cluster.ended,
    ) -> None:
        """Look at these parts; `ended` names the process of Ray that has ended, if any."""
        self._store, self._lease, self._publisher = store, lease, publisher
        self._stale_seconds, self._clock, self._ended = stale_seconds, clock, ended

    def trouble(self) -> list[str]:
        """What is wrong, a line each."""
        found = []
        try:
            self._lease.check()
        except StudyBusyError as error:
            found.append(str(error))
        quiet = self._clock() - self._publisher.stepped
        if quiet > self._stale_seconds:
            found.append(f"the loop has made no step for {quiet:.0f} s (at most {self._stale_seconds:g} s)")
        if _heartbeat_age(self._store, self._lease) is None:
            found.append("the study's database does not answer, or the lease is not in it")
        if name := self._ended():
            found.append(f"Ray's process {name} has ended on this machine")
        return found


def _heartbeat_age(store: StudyStore, lease: Lease) -> float | None:
    """Seconds since the lease's last sign of life; None where the database does not say."""
    try:
        with store.database.engine.connect() as connection:
            own = [driver for driver in read_drivers(connection, lease.study) if driver.id == lease.driver]
    except (sqlalchemy.exc.SQLAlchemyError, FaultError):
        return None
    return max(own[0].silent_seconds, 0.0) if own else None
