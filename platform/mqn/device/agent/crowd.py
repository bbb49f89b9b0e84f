"""A room for callers that holds so many, and so many of one peer: no peer's callers keep another's out."""

from __future__ import annotations

import contextlib
import ipaddress
import time
from collections import Counter
from collections.abc import Callable

STALE_SECONDS = 1.0
"""Who has shown nothing for so long makes way for somebody else, where there is no other room."""


class Guest:
    """One caller.

    Attributes:
        peer: whose it is.
        since: when it came, by the room's clock.
        busy: whether it is worth its place: a request of it was let in and is being answered.
    """

    __slots__ = ("busy", "leave", "peer", "since")

    def __init__(self, peer: str, since: float, leave: Callable[[], object]) -> None:
        self.peer, self.since, self.leave, self.busy = peer, since, leave, False


class Crowd:
    """Who is in the room. To be used from one thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Open it.

        Args:
            clock: seconds, monotonic.
        """
        self._clock = clock
        self._guests: dict[Guest, None] = {}  # in the order they came

    def __contains__(self, guest: Guest) -> bool:
        """Whether somebody is in it."""
        return guest in self._guests

    def __len__(self) -> int:
        """How many are in it."""
        return len(self._guests)

    def enter(
        self,
        peer: str,
        leave: Callable[[], object],
        *,
        most: int,
        most_of_peer: int,
        most_seconds: float | None = None,
    ) -> Guest | None:
        """Let somebody in, or nobody.

        Args:
            peer: whose caller it is (`peer_of`).
            leave: makes it go, where it has to make way for another.
            most: how many the room holds.
            most_of_peer: how many of those may be one peer's.
            most_seconds: how long anybody stays; None: as long as it likes.

        Returns:
            The guest; None where there is no room.
        """
        now = self._clock()
        if most_seconds is not None:
            for guest in [guest for guest in self._guests if now - guest.since > most_seconds]:
                del self._guests[guest]
        by_peer = Counter(guest.peer for guest in self._guests)
        if by_peer[peer] >= most_of_peer or len(self._guests) >= most:
            leaves = self._who_leaves(peer, by_peer, now, alone=by_peer[peer] >= most_of_peer)
            if leaves is None:
                return None
            del self._guests[leaves]
            with contextlib.suppress(OSError):
                leaves.leave()
        guest = Guest(peer, now, leave)
        self._guests[guest] = None
        return guest

    def go(self, guest: Guest | None) -> None:
        """Somebody leaves; who has left already, or was never in, changes nothing."""
        if guest is not None:
            self._guests.pop(guest, None)

    def _who_leaves(self, peer: str, by_peer: Counter[str], now: float, *, alone: bool) -> Guest | None:
        """Whoever has shown nothing: first of the peer that has most, and of it who came first."""
        idle = [guest for guest in self._guests if not guest.busy and (guest.peer == peer or not alone)]

        def may_stay(guest: Guest) -> bool:
            # A peer with fewer callers than another does not wait until those have grown stale.
            return now - guest.since < STALE_SECONDS and by_peer[guest.peer] <= by_peer[peer] + 1

        leaving = [guest for guest in idle if not may_stay(guest)]
        return max(leaving, key=lambda guest: by_peer[guest.peer], default=None)


def peer_of(address: object) -> str:
    """Who calls, as far as an address tells: of IPv6, what one household or machine is given.

    Args:
        address: as `socket.accept` tells it.
    """
    host = str(address[0]) if isinstance(address, tuple) and address else ""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        if not (found.is_loopback or found.is_link_local):
            return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
