"""Listening: addresses, TLS, and bounds on handshakes and connections."""

from __future__ import annotations

import functools
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from mqn.device.agent.http.caller_limits import Caller, CallerLimit, peer_of
from mqn.device.agent.http.middleware import SAFE_HEADERS, refuse
from mqn.errors import DeviceRefusedError, UsageError

MAX_CONNECTIONS, MAX_CONNECTIONS_OF_PEER = 128, 64
# Connections beyond that are told so, as soon as they ask something.
MAX_REFUSED, MAX_REFUSED_OF_PEER = 64, 16
HEAD_SECONDS = 10.0
# Each takes 0.3 MB, and its caller is not known yet.
MAX_HANDSHAKES, MAX_HANDSHAKES_OF_PEER = 64, 32
HANDSHAKE_SECONDS = 10.0
RETRY_AFTER = {"Retry-After": "2"}


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits on callers that shake hands, that are connected, and that are connected only to be refused."""

    handshakes: CallerLimit = field(default_factory=CallerLimit)
    connections: CallerLimit = field(default_factory=CallerLimit)
    refused: CallerLimit = field(default_factory=CallerLimit)


class BoundedListener(socket.socket):
    """A listening socket that closes connections for which there is no place, before they shake hands."""

    def __init__(self, listener: socket.socket, limits: ConnectionLimits) -> None:
        """Take the place of a listening socket, which is closed as far as its owner is concerned."""
        super().__init__(fileno=listener.detach())
        self._limits = limits
        self._shaking: dict[object, Caller] = {}

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection.

        Raises:
            ConnectionAbortedError: it was one too many; asyncio treats that as a caller that hung up.
        """
        connection, address = super().accept()
        caller = self._limits.handshakes.admit(
            peer_of(address),
            functools.partial(connection.shutdown, socket.SHUT_RDWR),
            most=MAX_HANDSHAKES,
            most_of_peer=MAX_HANDSHAKES_OF_PEER,
            most_seconds=HANDSHAKE_SECONDS,
        )
        if caller is None:
            connection.close()
            raise ConnectionAbortedError("too many handshakes")
        self._shaking = {key: kept for key, kept in self._shaking.items() if kept in self._limits.handshakes}
        self._shaking[address] = caller
        return connection, address

    def shaken(self, address: object) -> None:
        """A handshake has succeeded; the others count until their time is over."""
        self._limits.handshakes.release(self._shaking.pop(address, None))


class BoundedConnection(H11Protocol):
    """uvicorn's connection, with limits on the number of connections and on the time for a request's head."""

    _head_deadline: float | None = None
    _caller: Caller | None = None

    def __init__(self, *, limits: ConnectionLimits, on_made: Callable[[object], None], **parts: Any) -> None:
        """Prepare it.

        Args:
            limits: that count it.
            on_made: called with the peer's address once the connection, TLS included, is there.
            parts: of uvicorn.
        """
        super().__init__(**parts)
        self._limits, self._on_made = limits, on_made

    def connection_made(self, transport: Any) -> None:
        """Begin; where there are too many already, answer every request with 429."""
        address = transport.get_extra_info("peername")
        self._on_made(address)
        super().connection_made(transport)
        peer = peer_of(address)
        self._caller = self._limits.connections.admit(
            peer, transport.abort, most=MAX_CONNECTIONS, most_of_peer=MAX_CONNECTIONS_OF_PEER
        )
        if self._caller is None:
            self._caller = self._limits.refused.admit(
                peer, transport.abort, most=MAX_REFUSED, most_of_peer=MAX_REFUSED_OF_PEER
            )
            if self._caller is None:
                transport.abort()
                return
            self.app = _too_many
        self.app_state = {"caller": self._caller}
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the place to another connection."""
        self._limits.connections.release(self._caller)
        self._limits.refused.release(self._caller)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; wait on where they are not the whole head of a request."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self._await_head()
        else:
            self._head_deadline = None

    def send_400_response(self, msg: str) -> None:
        """Answer in JSON, like every other failure, that what came is no HTTP."""
        body = json.dumps({"error": msg}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *SAFE_HEADERS,
        ]
        if self.cycle is not None:
            # Its head was valid, its body is not: the endpoint must not answer a second time.
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
        # Bytes that trickle in do not move the deadline; uvicorn's own timer starts again with each of them.
        if self._head_deadline is None:
            self._head_deadline = self.loop.time() + HEAD_SECONDS
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_at(self._head_deadline, self._give_up)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


async def _too_many(scope: Scope, receive: Receive, send: Send) -> None:
    line = "too many connections are open already; try again in a moment"
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
