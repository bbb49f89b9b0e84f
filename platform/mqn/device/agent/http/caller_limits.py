"""How many callers there may be at once, and how many of one peer: no peer's callers keep another's out."""

from __future__ import annotations

import contextlib
import ipaddress
import time
from collections import Counter
from collections.abc import Callable

STALE_SECONDS = 1.0
"""A caller that is idle for so long makes way for another, where there is no other place."""


class Caller:
    """One caller.

    Attributes:
        peer: whose it is.
        since: when it came, by the limit's clock.
        busy: whether it is worth its place: a request of it was let in and is being answered.
    """

    __slots__ = ("busy", "close", "peer", "since")

    def __init__(self, peer: str, since: float, close: Callable[[], object]) -> None:
        self.peer, self.since, self.close, self.busy = peer, since, close, False


class CallerLimit:
    """The callers that are there. To be used from one thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any.

        Args:
            clock: seconds, monotonic.
        """
        self._clock = clock
        self._callers: dict[Caller, None] = {}  # In the order they came.

    def __contains__(self, caller: Caller) -> bool:
        return caller in self._callers

    def __len__(self) -> int:
        return len(self._callers)

    def admit(
        self,
        peer: str,
        close: Callable[[], object],
        *,
        most: int,
        most_of_peer: int,
        most_seconds: float | None = None,
    ) -> Caller | None:
        """Take a caller in, if there is a place.

        Args:
            peer: whose caller it is (`peer_of`).
            close: ends it, where it has to make way for another.
            most: how many there may be.
            most_of_peer: how many of those may be one peer's.
            most_seconds: how long one may stay; None: as long as it likes.

        Returns:
            The caller; None where there is no place.
        """
        now = self._clock()
        if most_seconds is not None:
            for caller in [caller for caller in self._callers if now - caller.since > most_seconds]:
                del self._callers[caller]
        by_peer = Counter(caller.peer for caller in self._callers)
        if by_peer[peer] >= most_of_peer or len(self._callers) >= most:
            leaves = self._who_leaves(peer, by_peer, now, alone=by_peer[peer] >= most_of_peer)
            if leaves is None:
                return None
            del self._callers[leaves]
            with contextlib.suppress(OSError):
                leaves.close()
        caller = Caller(peer, now, close)
        self._callers[caller] = None
        return caller

    def release(self, caller: Caller | None) -> None:
        """A caller leaves; one that has left already, or was never taken in, changes nothing."""
        if caller is not None:
            self._callers.pop(caller, None)

    def _who_leaves(self, peer: str, by_peer: Counter[str], now: float, *, alone: bool) -> Caller | None:
        """An idle caller: first of the peer that has most, and of that one the earliest."""
        idle = [caller for caller in self._callers if not caller.busy and (caller.peer == peer or not alone)]

        def may_stay(caller: Caller) -> bool:
            # A peer with fewer callers than another does not wait until those have grown stale.
            return now - caller.since < STALE_SECONDS and by_peer[caller.peer] <= by_peer[peer] + 1

        leaving = [caller for caller in idle if not may_stay(caller)]
        return max(leaving, key=lambda caller: by_peer[caller.peer], default=None)


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
