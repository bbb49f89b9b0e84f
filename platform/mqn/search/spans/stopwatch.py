"""Where and when a job runs, as the worker sees it."""

from __future__ import annotations

import functools
import os
import socket
import sys
import time
from typing import Any

from mqn.records import Span


class Stopwatch:
    """Times one job. The clock on the wall may be set while the job runs, so the length is the monotonic clock's."""

    def __init__(self, device: str = "") -> None:
        """Begin. `device` is the one that the job measures on; empty: none."""
        self._device = device
        self._begin, self._began = time.time(), time.monotonic()

    def span(self) -> Span:
        """Where the job runs, from its begin until now."""
        return Span(
            begin=self._begin,
            end=self._begin + time.monotonic() - self._began,
            host=_host(),
            node=_node(),
            process=os.getpid(),
            device=self._device,
        )


@functools.cache
def _host() -> str:
    return socket.gethostname()


def _node() -> str:
    """Ray's id of this node; empty where this process does not use Ray."""
    ray: Any = sys.modules.get("ray")
    if ray is None or not getattr(ray, "is_initialized", bool)():
        return ""
    return str(ray.get_runtime_context().get_node_id())
