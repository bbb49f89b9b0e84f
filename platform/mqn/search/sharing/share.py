"""What this driver may use of a cluster that others use too, asked without waiting."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from mqn.parsing import to_plain
from mqn.search.sharing.office import NAME, NAMESPACE, SILENT_SECONDS, Office
from mqn.search.sharing.shares import Claim

_BEAT_SECONDS, _LOOK_SECONDS = 1.0, 0.1
_LEAVE_SECONDS = 3.0
_FIRST_SECONDS = 60.0
"""The office's process may take so long to start."""


class Share:
    """One driver's share, up to date by a second or two."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare; nothing is asked before there is a claim (`ask`)."""
        self._clock = clock
        self._driver = uuid.uuid4().hex
        self._office: Any = None
        self._asked: Any = None
        self._asked_at = self._looked_at = clock() - _BEAT_SECONDS
        self._told: dict[str, float] | None = None
        self._told_until: float | None = None

    def ask(self, total: Mapping[str, float], claim: Callable[[], Claim]) -> dict[str, float] | None:
        """What this driver may use now, by resource; None: everything.

        Never waits: an answer that is not there yet is taken the next time. Before the first one this driver may use
        nothing, so that it begins one job alone; an office that does not answer for long sets no bounds.

        Args:
            total: what the cluster has.
            claim: what this driver wants; called when it is time to say so.
        """
        import ray

        now = self._clock()
        if self._told_until is None:
            self._told, self._told_until = dict.fromkeys(total, 0.0), now + _FIRST_SECONDS
        if now - self._looked_at < _LOOK_SECONDS:
            return self._told
        self._looked_at = now
        if self._asked is not None:
            ready, _ = ray.wait([self._asked], timeout=0)
            if ready:
                self._take(now)
            elif now - self._asked_at > SILENT_SECONDS:
                self._asked = self._office = None
        if self._asked is None and now - self._asked_at >= _BEAT_SECONDS:
            plain = to_plain(claim())
            self._asked_at = now
            with contextlib.suppress(ray.exceptions.RayError, ValueError):  # It is just ending, or its node is.
                self._office = self._office or _find_office()
                self._asked = self._office.claim.remote(self._driver, plain, dict(total))
        if now >= self._told_until:
            self._told = None
        return self._told

    def leave(self) -> None:
        """Say that this driver wants nothing more. The last one that leaves ends the office."""
        import ray

        if self._office is None or not ray.is_initialized():
            return
        with contextlib.suppress(Exception):  # Whatever fails here: a silent driver is forgotten anyway.
            others = ray.get(self._office.leave.remote(self._driver), timeout=_LEAVE_SECONDS)
            if not others:
                ray.kill(self._office)
        self._office = self._asked = None

    def _take(self, now: float) -> None:
        import ray

        try:
            self._told, self._told_until = ray.get(self._asked), now + SILENT_SECONDS
        except ray.exceptions.RayError:  # It was lost. The next call makes it anew.
            self._office = None
        self._asked = None


def _find_office() -> Any:
    """The cluster's office, made if there is none."""
    import ray

    options = {
        "name": NAME,
        "namespace": NAMESPACE,
        "lifetime": "detached",
        "get_if_exists": True,
        "num_cpus": 0,
        "max_restarts": -1,
    }
    return ray.remote(Office).options(**options).remote()
