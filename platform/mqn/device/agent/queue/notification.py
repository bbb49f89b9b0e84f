"""Waiting for a change across threads, without polling."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator


class Notification:
    """Wakes the coroutines that listen, in any event loop, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @contextlib.contextmanager
    def listen(self) -> Iterator[asyncio.Event]:
        """Listen from now on; to be entered in a coroutine.

        Yields:
            What is set when the next change is told.
        """
        listener = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._listeners.add(listener)
        try:
            yield listener[1]
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def tell(self) -> None:
        """Say that something changed."""
        with self._lock:
            for loop, event in self._listeners:
                with contextlib.suppress(RuntimeError):  # The loop is closed: no coroutine waits there.
                    loop.call_soon_threadsafe(event.set)
