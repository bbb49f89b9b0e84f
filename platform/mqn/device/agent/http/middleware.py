"""Access control: which requests are let in, and what is counted and logged of them."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mqn.device import wire
from mqn.device.agent.http.parts import AgentParts

_LOGGED = ("POST", "PUT", "DELETE")
MAX_PATH_CHARACTERS = 200
MAX_LINE_CHARACTERS = 500
LINGER_SECONDS, LINGER_BYTES = 10.0, 64_000_000
SAFE_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)
"""Sent with every answer: a browser shows it, and does nothing more with it."""


class AccessControl:
    """Refuses requests without a token, except for `/v1/health`; a request that names a lease is a sign of life for it.

    Requests for another host are refused too: the name of a web page may point here.
    """

    def __init__(self, app: ASGIApp, parts: AgentParts) -> None:
        self._app, self._parts = app, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or pass the request on."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        parts, status, unread = self._parts, 500, True

        async def listen() -> Message:
            nonlocal unread
            message = await receive()
            unread = bool(message.get("more_body"))
            return message

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *SAFE_HEADERS]
            elif status >= 400 and unread and not message.get("more_body"):
                # Closing now would reset the connection, and the reason would be lost.
                await send({**message, "more_body": True})
                await _discard(listen)
                message = {"type": "http.response.body"}
            await send(message)

        client, caller = "", scope.get("state", {}).get("caller")
        try:
            client, refusal = self._admit(scope["path"], headers)
            if refusal is not None:
                await refusal(scope, listen, observe)
                return
            scope["client_name"] = client
            if caller is not None:
                caller.busy = True
            lease = headers.get(wire.LEASE_HEADER.lower(), "")
            with parts.leases.attend(lease if lease and parts.leases.owner(lease) == client else ""):
                await self._app(scope, listen, observe)
        finally:
            if caller is not None:
                caller.busy = False
            parts.metrics.count("requests_total", status=str(status))
            if scope["method"] in _LOGGED or status in (401, 421):
                parts.audit.write(
                    "request",
                    client=client,
                    peer=(scope.get("client") or ("",))[0],
                    method=scope["method"][:16],
                    path=scope["path"][:MAX_PATH_CHARACTERS],
                    status=status,
                )

    def _admit(self, path: str, headers: dict[str, str]) -> tuple[str, JSONResponse | None]:
        """The client that a request's token belongs to, and the refusal where it is not let in."""
        parts, host = self._parts, headers.get("host", "")
        if parts.hosts is not None and not parts.hosts.allow(host):
            parts.metrics.count("auth_failures_total", reason="host")
            return "", refuse(421, parts.hosts.refusal(host))
        if parts.tokens is not None and path != wire.HEALTH:
            entry = parts.tokens.admit(headers.get("authorization", ""))
            if entry.reason:
                parts.metrics.count("auth_failures_total", reason=entry.reason)
                return "", refuse(401, entry.line, {"WWW-Authenticate": "Bearer"})
            return entry.client, None
        if parts.tokens is None and "origin" in headers:
            # Without tokens this machine is trusted, but not the pages that a browser shows on it.
            parts.metrics.count("auth_failures_total", reason="page")
            return "", refuse(401, "pages in a browser are not let in without a token")
        return "", None


async def _discard(listen: Receive) -> None:
    """Read the rest of a refused body, for a while: many clients read an answer only after they sent everything."""
    received = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while received < LINGER_BYTES:
                message = await listen()
                received += len(message.get("body", b""))
                if not message.get("more_body"):
                    return


def refuse(status: int, line: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A refusal with an HTTP status, in one line of JSON."""
    # The line may quote what a stranger sent: what cannot be encoded is replaced, and the line is cut.
    plain = line.encode("utf-8", "replace").decode()[:MAX_LINE_CHARACTERS]
    # The connection is closed: the rest of a refused body is not part of the next request.
    return JSONResponse({"error": plain}, status_code=status, headers={"Connection": "close", **(headers or {})})
