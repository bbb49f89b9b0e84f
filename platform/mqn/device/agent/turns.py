"""Whose turn it is: tokens alternate, and the holders of each; however many leases one asks for, or names it takes.

A token is proven, a holder's name is only said: nobody takes another token's turn by its holder's name.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol, TypeVar

from mqn.device.agent.ledger import LeaseRow

REMEMBERED = 256


class Waiting(Protocol):
    """What waits for its turn."""

    @property
    def row(self) -> LeaseRow:
        """Who asked, and when."""


T = TypeVar("T", bound=Waiting)
K = TypeVar("K")


class Turns:
    """When each token, and each of its holders, had its last turn of late."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, int] = OrderedDict()
        self._holders: OrderedDict[tuple[str, str], int] = OrderedDict()

    def take(self, client: str, holder: str, turn: int) -> None:
        """Remember a turn.

        Args:
            client: whose token had it.
            holder: who had it, by what the client said.
            turn: its number, higher than all before.
        """
        _remember(self._clients, client, turn)
        _remember(self._holders, (client, holder), turn)

    def order(self, waiting: Sequence[T]) -> list[T]:
        """Sort those that wait by their turns: whose last one is longest ago comes first, then by arrival.

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
