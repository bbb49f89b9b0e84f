"""The order in which leases are granted: tokens take turns, and the holders of each token too.

A token is proof, a holder's name is not: with another holder's name one does not get its turn.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol, TypeVar

from mqn.device.agent.queue.database import LeaseRow
from mqn.device.agent.queue.refusals import FullQueueError

REMEMBERED = 256


class Waiting(Protocol):
    """A lease that waits for its turn."""

    @property
    def row(self) -> LeaseRow:
        """Who asked, and when."""


T = TypeVar("T", bound=Waiting)
K = TypeVar("K")


def check_capacity(waiting: Sequence[Waiting], client: str, holder: str, capacity: int, per_holder: int) -> None:
    """Make sure that one more lease may wait.

    Args:
        waiting: the leases that wait already.
        client: whose token asks.
        holder: who asks, by what the client said.
        capacity: how many may wait. All but `per_holder` of these may be one token's.
        per_holder: how many may be one holder's.

    Raises:
        FullQueueError: it may not.
    """
    if len(waiting) >= capacity:
        raise FullQueueError(f"{len(waiting)} wait for the device already; try again later")
    same = [other.row.holder for other in waiting if other.row.client == client]
    if same.count(holder) >= per_holder:
        raise FullQueueError(f"{same.count(holder)} leases of {holder!r} wait already; try again later")
    if client and len(same) >= capacity - per_holder:
        raise FullQueueError(f"{len(same)} leases of your token wait already; try again later")


class LeaseOrder:
    """When each token, and each of its holders, had its last turn."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, int] = OrderedDict()
        self._holders: OrderedDict[tuple[str, str], int] = OrderedDict()

    def take(self, client: str, holder: str, turn: int) -> None:
        """Remember who had a turn: its token, its holder, and its number, higher than all before."""
        _remember(self._clients, client, turn)
        _remember(self._holders, (client, holder), turn)

    def order(self, waiting: Sequence[T]) -> list[T]:
        """Sort the waiting leases: the longest since the last turn first, then by arrival.

        Args:
            waiting: in any order.
        """
        clients, holders, left, order = dict(self._clients), dict(self._holders), list(waiting), []
        turn = max(clients.values(), default=0)

        def rank(ticket: T) -> tuple[int, int, int]:
            row = ticket.row
            return clients.get(row.client, 0), holders.get((row.client, row.holder), 0), row.sequence

        while left:
            following = min(left, key=rank)
            left.remove(following)
            order.append(following)
            turn += 1
            clients[following.row.client] = holders[following.row.client, following.row.holder] = turn
        return order


def _remember(turns: OrderedDict[K, int], key: K, turn: int) -> None:
    turns[key] = turn
    turns.move_to_end(key)
    while len(turns) > REMEMBERED:
        turns.popitem(last=False)
