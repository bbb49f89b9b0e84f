"""Simulated time: it stands still while the driver works, and leaps to the next event when the driver waits."""

from __future__ import annotations

import time


class VirtualClock:
    """Seconds since the simulation began."""

    def __init__(self) -> None:
        """Begin at 0, which is now on the calendar."""
        self._now, self._origin = 0.0, time.time()

    def __call__(self) -> float:
        """The time now."""
        return self._now

    def date(self, moment: float | None = None) -> float:
        """A moment, or now, in seconds since 1970."""
        return self._origin + (self._now if moment is None else moment)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._now += max(0.0, seconds)

    def leap(self, to: float) -> None:
        """Go to a later moment; an earlier one changes nothing."""
        self._now = max(self._now, to)
