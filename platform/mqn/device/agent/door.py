"""The agent's door: who may come in, what is counted and logged of whoever did."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mqn.device import wire
from mqn.device.agent.endpoints import Desk

_LOGGED = ("POST", "PUT", "DELETE")
MAX_PATH_CHARACTERS = 200
MAX_LINE_CHARACTERS = 500
LINGER_SECONDS, LINGER_BYTES = 10.0, 64_000_000
SAFE_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)
"""With every answer: a browser that comes by one shows it, and does nothing more with it."""


class Door:
    """Lets nobody in without a token, except to `/v1/health`; takes a named lease as a sign of life.

    Nor is anybody let in who asks for another host: a page of the web that has had its name point here is one.
    """

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app, self._desk = app, desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or pass the request on."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        desk, status, unread = self._desk, 500, True

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
                # To close now would reset the connection, and the reason would be lost with it.
                await send({**message, "more_body": True})
                await _discard(listen)
                message = {"type": "http.response.body"}
            await send(message)

        client, guest = "", scope.get("state", {}).get("guest")
        try:
            client, refusal = self._admit(scope["path"], headers)
            if refusal is not None:
                await refusal(scope, listen, observe)
                return
            scope["client_name"] = client
            if guest is not None:
                guest.busy = True
            lease = headers.get(wire.LEASE_HEADER.lower(), "")
            with desk.leases.attend(lease if lease and desk.leases.owner(lease) == client else ""):
                await self._app(scope, listen, observe)
        finally:
            if guest is not None:
                guest.busy = False
            desk.metrics.count("requests_total", status=str(status))
            if scope["method"] in _LOGGED or status in (401, 421):
                desk.audit.write(
                    "request",
                    client=client,
                    peer=(scope.get("client") or ("",))[0],
                    method=scope["method"][:16],
                    path=scope["path"][:MAX_PATH_CHARACTERS],
                    status=status,
                )

    def _admit(self, path: str, headers: dict[str, str]) -> tuple[str, JSONResponse | None]:
        """Whose token somebody comes with, and the answer to whom is not let in."""
        desk, host = self._desk, headers.get("host", "")
        if desk.hosts is not None and not desk.hosts.allow(host):
            desk.metrics.count("auth_failures_total", reason="host")
            return "", refuse(421, desk.hosts.refusal(host))
        if desk.tokens is not None and path != wire.HEALTH:
            entry = desk.tokens.admit(headers.get("authorization", ""))
            if entry.reason:
                desk.metrics.count("auth_failures_total", reason=entry.reason)
                return "", refuse(401, entry.line, {"WWW-Authenticate": "Bearer"})
            return entry.client, None
        if desk.tokens is None and "origin" in headers:
            # Without tokens this machine is trusted, but not every page that a browser shows on it.
            desk.metrics.count("auth_failures_total", reason="page")
            return "", refuse(401, "pages in a browser are not let in without a token")
        return "", None


async def _discard(listen: Receive) -> None:
    """Read what is left of a refused body, for a while: its sender looks at the answer only when all is sent."""
    received = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while received < LINGER_BYTES:
                message = await listen()
                received += len(message.get("body", b""))
                if not message.get("more_body"):
                    return


def refuse(status: int, line: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A no, in one line of JSON.

    Args:
        status: HTTP status.
        line: why.
        headers: further ones.
    """
    # What a stranger sent may stand in the line: whatever cannot be encoded is replaced, and it is cut.
    plain = line.encode("utf-8", "replace").decode()[:MAX_LINE_CHARACTERS]
    # Closing, for what may still come of a refused body is none of the next request.
    return JSONResponse({"error": plain}, status_code=status, headers={"Connection": "close", **(headers or {})})
