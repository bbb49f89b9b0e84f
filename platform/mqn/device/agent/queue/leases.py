"""Leases: one holder at a time has the device, in turns, each for as long as it gives signs of life.

A lease belongs to the token that asked for it; the holder's name gives no rights.

Time is the monotonic clock's: a jump of the wall clock neither ends nor prolongs a lease.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

from mqn.device.agent.queue.database import LeaseRow, QueueDatabase
from mqn.device.agent.queue.lease_order import LeaseOrder, check_capacity
from mqn.device.agent.queue.notification import Notification
from mqn.device.agent.queue.refusals import DrainingError, FullDiskError, KeyReusedError, NotHeldError
from mqn.device.wire import Lease, LeaseRequest, LeaseState

CAPACITY = 32
CAPACITY_PER_HOLDER = 8

GIVEN_BACK, SILENT = "given back", "no sign of life"


class _Ticket:
    """A lease that has not ended."""

    def __init__(self, row: LeaseRow, now: float) -> None:
        self.row = row
        self.state: LeaseState = row.state
        self.granted = row.granted
        self.seen = now
        self.attending = 0
        self.change = Notification()

    @property
    def deadline(self) -> float | None:
        """When it ends without another sign of life; None while a client waits for an answer about it."""
        return None if self.attending else self.seen + self.row.ttl_seconds


class Leases:
    """The lease that is held, those that wait, and those that ended recently."""

    def __init__(
        self,
        database: QueueDatabase,
        *,
        capacity: int = CAPACITY,
        capacity_per_holder: int = CAPACITY_PER_HOLDER,
        clock: Callable[[], float] = time.monotonic,
        on_end: Callable[[Lease, str], None] = lambda _lease, _reason: None,
        on_breakdown: Callable[[], None] = lambda: None,
    ) -> None:
        """Take up the leases of the database, each with its full time, so that its holder can come back.

        Args:
            database: where they are kept.
            capacity: how many may wait; one token's may be all but `capacity_per_holder` of those.
            capacity_per_holder: how many of those may be one token's holder's.
            clock: seconds, monotonic.
            on_end: called with what ended and why: `given back` or `no sign of life`.
            on_breakdown: called when the timer ends by an error; no lease will end by itself any more.
        """
        self.lock = threading.RLock()
        self.drop_jobs: Callable[[str, str], None] = lambda _lease_id, _reason: None
        """Called with a lease's id and why it ended, whenever one ends: its jobs end with it."""
        self._database, self._clock = database, clock
        self._on_end, self._on_breakdown = on_end, on_breakdown
        self._capacities = (capacity, capacity_per_holder)
        self._sequence = database.last_sequence()
        self._turns = LeaseOrder()
        self._live: dict[str, _Ticket] = {}
        self._moved = threading.Condition(self.lock)
        self._draining = self._closed = False
        self._alarm: float | None = None
        self._take_up()
        self._grant()
        self._timer = threading.Thread(target=self._watch, name="leases", daemon=True)
        self._timer.start()

    def request(self, request: LeaseRequest, client: str = "", key: str | None = None) -> Lease:
        """Ask for the device, or find the lease that was asked for under the same key.

        Args:
            request: who is to have it.
            client: whose token asks; the lease and the key are its own.
            key: the client's idempotency key.

        Raises:
            FullQueueError: as many wait as may.
            DrainingError: the agent is on its way down.
            KeyReusedError: the key belongs to another request.
            FullDiskError: it cannot be written down.
        """
        with self.lock:
            known = None if key is None else self._database.lease_of_key(client, key)
            if known is not None:
                if (known.holder, known.ttl_seconds) != (request.holder, request.ttl_seconds):
                    raise KeyReusedError("this Idempotency-Key belongs to another lease")
                return self._require(known.id)
            if self._draining:
                raise DrainingError("the agent is being stopped and lends the device to nobody; try again later")
            check_capacity(self._waiting(), client, request.holder, *self._capacities)
            row = LeaseRow(
                id=uuid.uuid4().hex,
                sequence=self._next(),
                client=client,
                key=key,
                holder=request.holder,
                ttl_seconds=request.ttl_seconds,
                state="waiting",
                granted=0,
            )
            self._database.add_lease(row)
            self._live[row.id] = _Ticket(row, self._clock())
            self._grant()
            self._set_alarm()
            return self._require(row.id)

    def status(self, lease_id: str) -> Lease | None:
        """A lease's state; None if it is unknown."""
        with self.lock:
            row, ticket = self._row(lease_id), self._live.get(lease_id)
            if row is None:
                return None
            lease = Lease(id=row.id, holder=row.holder, state="ended", ttl_seconds=row.ttl_seconds, ahead=0)
            return lease if ticket is None else replace(lease, state=ticket.state, ahead=self._ahead(ticket))

    def owner(self, lease_id: str) -> str | None:
        """Whose token asked for a lease; None if it is unknown."""
        with self.lock:
            row = self._row(lease_id)
            return None if row is None else row.client

    @contextlib.contextmanager
    def attend(self, lease_id: str) -> Iterator[Notification | None]:
        """Count the time of a block as signs of life: a request about the lease, or about one of its jobs.

        Yields:
            The notification of its changes; None if the lease is unknown or has ended.
        """
        with self.lock:
            ticket = self._live.get(lease_id)
            if ticket is not None:
                ticket.attending += 1
        try:
            yield None if ticket is None else ticket.change
        finally:
            if ticket is not None:
                with self.lock:
                    ticket.attending -= 1
                    ticket.seen = self._clock()
                    self._set_alarm()

    def check_held(self, lease_id: str | None, client: str = "") -> None:
        """Make sure that a client's lease is held.

        Raises:
            NotHeldError: it is not; says why.
        """
        if not lease_id:
            raise NotHeldError("a job needs a lease: POST /v1/leases, and name it in the header Lease")
        with self.lock:
            found = self.status(lease_id) if self.owner(lease_id) == client else None
        if found is None:
            raise NotHeldError(f"no lease {lease_id[:64]!r} here; POST /v1/leases for one")
        if found.state == "ended":
            raise NotHeldError(f"lease {found.id} has ended; POST /v1/leases for another")
        if found.state == "waiting":
            raise NotHeldError(f"lease {found.id} waits for its turn, {found.ahead} ahead; GET it until it is held")

    def end(self, lease_id: str) -> Lease | None:
        """Take a lease back; None if it is unknown."""
        with self.lock:
            if lease_id in self._live:
                self._end(self._live[lease_id], GIVEN_BACK)
                self._grant()
            return self.status(lease_id)

    def expire(self) -> float | None:
        """End every lease without a sign of life for its time.

        Returns:
            When the next one may end, on the clock; None while none can.
        """
        with self.lock:
            now = self._clock()
            due = [ticket for ticket in self._live.values() if ticket.deadline is not None and ticket.deadline <= now]
            for ticket in due:
                self._end(ticket, SILENT)
            if due:
                self._grant()
            return self._next_deadline()

    def count(self) -> dict[str, int]:
        """How many are `held` and how many `waiting`."""
        with self.lock:
            states = [ticket.state for ticket in self._live.values()]
        return {"held": states.count("held"), "waiting": states.count("waiting")}

    def drain(self) -> None:
        """Grant nothing more."""
        with self.lock:
            self._draining = True

    def close(self) -> None:
        """Stop watching; the leases stay in the database. Clients that wait for one are answered now."""
        with self.lock:
            self._draining = self._closed = True
            for ticket in self._live.values():
                ticket.change.tell()
            self._moved.notify_all()
        self._timer.join()

    def _take_up(self) -> None:
        rows = self._database.leases()
        last = max((row.granted for row in rows), default=0)
        for row in rows:
            if row.granted:
                self._turns.take(row.client, row.holder, row.granted)
            if row.state == "waiting" or (row.state == "held" and row.granted == last):
                self._live[row.id] = _Ticket(row, self._clock())
            elif row.state == "held":  # and had ended before the last was granted, which a full disk did not take
                with contextlib.suppress(FullDiskError):
                    self._database.set_lease(row.id, "ended", row.granted)

    def _row(self, lease_id: str) -> LeaseRow | None:
        return self._live[lease_id].row if lease_id in self._live else self._database.lease(lease_id)

    def _require(self, lease_id: str) -> Lease:
        found = self.status(lease_id)
        assert found is not None
        return found

    def _end(self, ticket: _Ticket, reason: str) -> None:
        del self._live[ticket.row.id]
        ticket.state = "ended"
        self._write(ticket)
        ticket.change.tell()
        self.drop_jobs(ticket.row.id, f"its lease ended: {reason}")
        self._on_end(self._require(ticket.row.id), reason)

    def _grant(self) -> None:
        if self._draining or self.count()["held"]:
            return
        for chosen in self._turns.order(self._waiting())[:1]:
            chosen.state, chosen.granted, chosen.seen = "held", self._next(), self._clock()
            self._turns.take(chosen.row.client, chosen.row.holder, chosen.granted)
            self._write(chosen)
            chosen.change.tell()
            self._set_alarm()

    def _waiting(self) -> list[_Ticket]:
        return [ticket for ticket in self._live.values() if ticket.state == "waiting"]

    def _ahead(self, ticket: _Ticket) -> int:
        if ticket.state != "waiting":
            return 0
        return self._turns.order(self._waiting()).index(ticket) + self.count()["held"]

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _write(self, ticket: _Ticket) -> None:
        # A full disk must not block the device. What is not written now is at worst a lease that comes
        # back after a restart, and ends without a sign of life.
        with contextlib.suppress(FullDiskError):
            self._database.set_lease(ticket.row.id, ticket.state, ticket.granted)

    def _next_deadline(self) -> float | None:
        return min((ticket.deadline for ticket in self._live.values() if ticket.deadline is not None), default=None)

    def _set_alarm(self) -> None:
        # Signs of life only delay deadlines: the timer is woken only where it would sleep too long.
        deadline = self._next_deadline()
        if deadline is not None and (self._alarm is None or deadline < self._alarm):
            self._moved.notify_all()

    def _watch(self) -> None:
        try:
            with self._moved:
                while not self._closed:
                    self._alarm = self.expire()
                    self._moved.wait(None if self._alarm is None else max(0.0, self._alarm - self._clock()))
        except BaseException:
            self._on_breakdown()
            raise
