"""Seeded draws. Each depends on the profile's seed and on what it is for, never on the order in which things happen."""

from __future__ import annotations

import bisect
import random
from collections.abc import Iterator

from mqn.profile_tables.simulate import Outages, Times


class Draws:
    """Random numbers by name: the same seed and words give the same number."""

    def __init__(self, seed: int) -> None:
        """Begin with a profile's seed."""
        self._seed = seed

    def of(self, *words: object) -> random.Random:
        """A generator for one purpose."""
        return random.Random(f"{self._seed}/{'/'.join(map(str, words))}")  # noqa: S311 - nothing secret

    def happens(self, share: float, *words: object) -> bool:
        """Whether something that befalls a share of all befalls this one."""
        return share > 0 and self.of(*words).random() < share

    def seconds(self, times: Times, *words: object) -> float:
        """How long something takes this time."""
        if times.spread == 0 or times.median == 0:
            return times.median
        return times.median * self.of(*words).lognormvariate(0.0, times.spread)


class Calendar:
    """When one thing is away: moments that are drawn one after another, as far as they are asked for."""

    def __init__(self, outages: Outages, source: random.Random) -> None:
        """Begin; the thing is there at first."""
        self._source, self._outages = source, outages
        self._begins: list[float] = []
        self._ends: list[float] = []

    def first(self, begin: float, end: float) -> tuple[float, float] | None:
        """The first outage that overlaps a stretch of time, as its begin and end; None where there is none."""
        if self._outages.every_hours == 0:
            return None
        self._draw_until(end)
        index = bisect.bisect_right(self._ends, begin)
        if index < len(self._begins) and self._begins[index] < max(end, begin + 1e-9):
            return self._begins[index], self._ends[index]
        return None

    def away(self, moment: float) -> bool:
        """Whether the thing is away at a moment."""
        return self.first(moment, moment) is not None

    def __iter__(self) -> Iterator[tuple[float, float]]:
        """All outages, without end; nothing where there are none."""
        index = 0
        while self._outages.every_hours > 0:
            while len(self._begins) <= index:
                self._draw()
            yield self._begins[index], self._ends[index]
            index += 1

    def _draw_until(self, moment: float) -> None:
        while not self._begins or self._begins[-1] <= moment:
            self._draw()

    def _draw(self) -> None:
        last = self._ends[-1] if self._ends else 0.0
        begin = last + self._source.expovariate(1 / (3600 * self._outages.every_hours))
        self._begins.append(begin)
        self._ends.append(begin + self._source.expovariate(1 / self._outages.seconds))
