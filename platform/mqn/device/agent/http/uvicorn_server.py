"""uvicorn's server, asleep between requests; it ends in two steps: drain, then stop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import Callable
from types import FrameType

import uvicorn

from mqn.device.agent.http.listening import HANDSHAKE_SECONDS, BoundedConnection, BoundedListener, ConnectionLimits

GRACE_SECONDS = 2


class QuietServer(uvicorn.Server):
    """A server that wakes up for requests only: uvicorn's own loop wakes ten times a second, beside a timed pass."""

    def __init__(
        self,
        config: uvicorn.Config,
        tls: ssl.SSLContext | None,
        *,
        on_ready: Callable[[], None],
        on_drain: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        """Prepare it.

        Args:
            config: of uvicorn.
            tls: what it speaks; None: plain HTTP.
            on_ready: called once requests are answered.
            on_drain: called in a thread when it is asked to end: returns once that may be.
            on_stop: called in a thread before connections are closed; makes `on_drain` return.
        """
        super().__init__(config)
        self._tls, self._on_ready, self._on_drain, self._on_stop = tls, on_ready, on_drain, on_stop
        self._asked: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._at_once = False

    def drain(self) -> None:
        """Make it end in good order; asked again, at once. From any thread, and also before it has begun."""
        if self.should_exit:
            self._at_once = True
        self._wake()

    def stop(self) -> None:
        """Make it end at once; from any thread, and also before it has begun."""
        self._at_once = True
        self._wake()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End upon a signal, in good order: uvicorn's own would raise the signal again at the end."""
        self.drain()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, with bounded connections and handshakes."""
        await super().startup(sockets=[])
        loop = asyncio.get_running_loop()
        patience = None if self._tls is None else HANDSHAKE_SECONDS
        for given in sockets or ():
            limits = ConnectionLimits()
            listener = BoundedListener(given, limits)
            connect = functools.partial(
                BoundedConnection,
                limits=limits,
                on_made=listener.shaken,
                config=self.config,
                server_state=self.server_state,
                app_state={},
                _loop=loop,
            )
            server = await loop.create_server(connect, sock=listener, ssl=self._tls, ssl_handshake_timeout=patience)
            self.servers.append(server)

    async def main_loop(self) -> None:
        """Sleep until asked to end."""
        self._loop, self._asked = asyncio.get_running_loop(), asyncio.Event()
        self._on_ready()
        if not self.should_exit:
            await self._asked.wait()
        self._asked.clear()
        drained = asyncio.ensure_future(asyncio.to_thread(self._on_drain))
        while not self._at_once and not drained.done():
            again = asyncio.ensure_future(self._asked.wait())
            await asyncio.wait([drained, again], return_when=asyncio.FIRST_COMPLETED)
            again.cancel()
            self._asked.clear()
        # Before the connections are closed: those that wait for a job get their answer at once.
        await asyncio.to_thread(self._on_stop)
        await drained

    def _wake(self) -> None:
        self.should_exit = True
        if self._loop is not None and self._asked is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already: it has ended
                self._loop.call_soon_threadsafe(self._asked.set)
