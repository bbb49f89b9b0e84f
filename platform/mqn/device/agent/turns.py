"""Whose turn it is: holders alternate, however many leases each asks for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol, TypeVar

from mqn.device.agent.ledger import LeaseRow

REMEMBERED_HOLDERS = 256


class Waiting(Protocol):
    """What waits for its turn."""

    @property
    def row(self) -> LeaseRow:
        """Who asked, and when."""


T = TypeVar("T", bound=Waiting)


class Turns:
    """When each holder of late had its last turn."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()

    def take(self, holder: str, turn: int) -> None:
        """Remember a turn.

        Args:
            holder: who had it.
            turn: its number, higher than all before.
        """
        self._last[holder] = turn
        self._last.move_to_end(holder)
        while len(self._last) > REMEMBERED_HOLDERS:
            self._last.popitem(last=False)

    def order(self, waiting: Sequence[T]) -> list[T]:
        """Sort those that wait by their turns: the holder whose last one is longest ago first, then by arrival.

        Args:
            waiting: in any order.
        """
        last, left, order = dict(self._last), list(waiting), []
        turn = max(last.values(), default=0)
        while left:
            following = min(left, key=lambda ticket: (last.get(ticket.row.holder, 0), ticket.row.sequence))
            left.remove(following)
            order.append(following)
            turn += 1
            last[following.row.holder] = turn
        return order
