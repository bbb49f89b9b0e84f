"""Notices that a driver is dead: its process is gone, or it gave no sign of life for as long as its lease."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mqn.search.storage.drivers import Driver


class Watch:
    """Watches the drivers of a database. Silence is timed by the observer's own clock alone."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        """Begin to watch.

        Args:
            seconds: after so much silence a driver counts as dead.
            clock: monotonic seconds.
        """
        self._seconds, self._clock = seconds, clock
        self._seen: dict[str, tuple[int, float]] = {}
        self._last = clock()

    def look(self, drivers: Iterable[Driver]) -> list[Driver]:
        """Look at all drivers as their rows are now, and return those that are dead.

        After a long gap between two looks the silence is counted anew: the observer or the database was away itself.
        """
        moment = self._clock()
        if moment - self._last > self._seconds / 2:
            self._seen.clear()
        self._last = moment
        before, self._seen, dead = self._seen, {}, []
        for driver in drivers:
            beat, since = before.get(driver.id, (-1, moment))
            self._seen[driver.id] = driver.beat, since if beat == driver.beat else moment
            if driver.dead() or moment - self._seen[driver.id][1] >= self._seconds:
                dead.append(driver)
        return dead
