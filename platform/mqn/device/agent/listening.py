"""Sockets and connections: which address may be served how, and what a connection may cost."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from mqn.device.agent.door import refuse
from mqn.errors import DeviceRefusedError, UsageError

MAX_CONNECTIONS = 128
HEAD_SECONDS = 10.0
# Each takes 0.3 MB, and whoever makes them has shown nothing yet.
MAX_HANDSHAKES = 64
HANDSHAKE_SECONDS = 10.0
RETRY_AFTER = {"Retry-After": "2"}


class BoundedListener(socket.socket):
    """A listening socket that hangs up while too many connections have yet to shake hands."""

    def __init__(self, listener: socket.socket) -> None:
        """Take the place of a listening socket, which is closed as far as its owner is concerned."""
        super().__init__(fileno=listener.detach())
        self._begun: deque[float] = deque()

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection.

        Raises:
            ConnectionAbortedError: it was one too many; asyncio takes that for a caller who hung up.
        """
        connection, address = super().accept()
        while self._begun and time.monotonic() - self._begun[0] > HANDSHAKE_SECONDS:
            self._begun.popleft()
        if len(self._begun) >= MAX_HANDSHAKES:
            connection.close()
            raise ConnectionAbortedError("too many handshakes")
        self._begun.append(time.monotonic())
        return connection, address

    def shaken(self) -> None:
        """Count a handshake that came about; the others count until their time is over."""
        if self._begun:
            self._begun.popleft()


class BoundedConnection(H11Protocol):
    """uvicorn's connection, with an end to requests whose head does not come, and to too many connections."""

    _head_deadline: float | None = None

    def __init__(self, *, on_made: Callable[[], None], **parts: Any) -> None:
        """Prepare it.

        Args:
            on_made: called once it can be spoken over, TLS and all.
            parts: of uvicorn.
        """
        super().__init__(**parts)
        self._on_made = on_made

    def connection_made(self, transport: Any) -> None:
        """Begin, or answer whatever comes with 429 where there are too many already."""
        self._on_made()
        super().connection_made(transport)
        if len(self.connections) > 2 * MAX_CONNECTIONS:
            transport.abort()
            return
        if len(self.connections) > MAX_CONNECTIONS:
            self.app = _too_many
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes in, and go on waiting where they are not the whole head of a request."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self._await_head()
        else:
            self._head_deadline = None

    def send_400_response(self, msg: str) -> None:
        """Tell in JSON, like every other failure, that what came is no HTTP."""
        body = json.dumps({"error": msg}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        if self.cycle is not None:
            # Its head was understood, its body is not: whoever carries it out must not answer a second time.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _await_head(self) -> None:
        # Bytes that trickle in do not move the deadline; uvicorn's own timer starts anew with every one of them.
        if self._head_deadline is None:
            self._head_deadline = self.loop.time() + HEAD_SECONDS
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_at(self._head_deadline, self._give_up)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


async def _too_many(scope: Scope, receive: Receive, send: Send) -> None:
    line = f"more than {MAX_CONNECTIONS} connections are open; try again in a moment"
    await refuse(429, line, RETRY_AFTER)(scope, receive, send)


def bind(host: str, port: int) -> socket.socket:
    """Take an address.

    Raises:
        UsageError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cannot bind {host} port {port}: {error}; choose another --port, or 0 for a free one"
        ) from error


def secure(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """What TLS needs; None without a certificate.

    Raises:
        DeviceRefusedError: certificate or key cannot be used.
    """
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise DeviceRefusedError(
            f"cannot use certificate {certificate} with key {key}: {error}; make both with: mqn agent init"
        ) from error
    return context
