"""Which faults happen in which order: drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.lab.faults.field import Field
from tests.lab.faults.kinds import processes, surroundings
from tests.lab.faults.kinds.fault import Fault

FAULTS: tuple[Fault, ...] = (*processes.FAULTS, *surroundings.FAULTS)
SHORTEST_GAP_SECONDS, LONGEST_GAP_SECONDS = 2.0, 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A fault of the plan.

    Attributes:
        number: its place, from 1.
        fault: what is to happen.
        gap_seconds: time after the fault before.
        seed: of its choices.
    """

    number: int
    fault: Fault
    gap_seconds: float
    seed: int


class Plan:
    """The faults of a run of the suite, one after the other.

    Attributes:
        next: the one that comes now; None: all have happened.
        happened: names of those that have.
        missed: names of those for which there was no target; others took their place.
    """

    def __init__(self, seed: int, count: int, field: Field, only: Sequence[str] = ()) -> None:
        """Draw from those that can happen on a field by their weights; where `count` allows, each at least once.

        Args:
            seed: of the plan.
            count: of faults that are to happen.
            field: what they happen on.
            only: names of faults; empty: all.

        Raises:
            ValueError: no fault of these names can happen.
        """
        self._dice, self._count, self._number = random.Random(seed), count, 0
        self._possible = [fault for fault in FAULTS if fault.can(field) and (not only or fault.name in only)]
        if not self._possible:
            raise ValueError(f"none of {', '.join(only)} can happen; there are {', '.join(f.name for f in FAULTS)}")
        self._first = self._dice.sample(self._possible, len(self._possible))
        self.happened: list[str] = []
        self.missed: list[str] = []
        self.next = self._draw()

    def take(self, *, happened: bool) -> None:
        """Go on to the next fault."""
        assert self.next is not None
        (self.happened if happened else self.missed).append(self.next.fault.name)
        self.next = self._draw()

    def _draw(self) -> Planned | None:
        if len(self.happened) >= self._count:
            return None
        self._number += 1
        weights = [fault.weight for fault in self._possible]
        fault = self._first.pop() if self._first else self._dice.choices(self._possible, weights)[0]
        gap = self._dice.uniform(SHORTEST_GAP_SECONDS, LONGEST_GAP_SECONDS)
        return Planned(number=self._number, fault=fault, gap_seconds=gap, seed=self._dice.getrandbits(32))
