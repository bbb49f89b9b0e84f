"""The place where the drivers on one Ray cluster say what they want: a small actor that needs no processor.

It outlives the driver that made it, and ends with the last one. When it is lost, drivers make it anew and say again
what they want. It speaks in plain values, so that drivers of several versions may share it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from mqn.search.sharing.shares import Claim, fair_shares

NAME, NAMESPACE = "mqn-shares-1", "mqn"
SILENT_SECONDS = 15.0
"""A driver that said nothing for so long is gone."""


class Office:
    """Knows every driver's claim and how old it is."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any."""
        self._clock = clock
        self._claims: dict[str, tuple[Claim, float]] = {}

    def claim(self, driver: str, wish: Mapping[str, Any], total: Mapping[str, float]) -> dict[str, float] | None:
        """Take down what a driver wants now.

        Args:
            driver: its id.
            wish: the fields of its `Claim`.
            total: what the cluster has, by resource.

        Returns:
            What it may use of each resource; None: all, since it is alone.
        """
        now = self._clock()
        claim = Claim(
            weight=float(wish["weight"]),
            priority=int(wish["priority"]),
            wanted=dict(wish["wanted"]),
            unit=dict(wish["unit"]),
        )
        self._claims[driver] = claim, now
        self._claims = {name: entry for name, entry in self._claims.items() if now - entry[1] < SILENT_SECONDS}
        if len(self._claims) == 1:
            return None
        return fair_shares(total, {name: entry[0] for name, entry in self._claims.items()})[driver]

    def leave(self, driver: str) -> bool:
        """Forget a driver; returns whether others are left."""
        self._claims.pop(driver, None)
        return bool(self._claims)
