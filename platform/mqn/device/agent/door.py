"""The agent's door: who may come in, what is counted and logged of whoever did."""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mqn.device import wire
from mqn.device.agent.endpoints import Desk

_LOGGED = ("POST", "PUT", "DELETE")
MAX_PATH_CHARACTERS = 200
MAX_LINE_CHARACTERS = 500


class Door:
    """Lets nobody in without a token, except to `/v1/health`; takes a named lease as a sign of life."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app, self._desk = app, desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or pass the request on."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        desk, status = self._desk, 500

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        client = ""
        try:
            if desk.tokens is not None and scope["path"] != wire.HEALTH:
                entry = desk.tokens.admit(headers.get("authorization", ""))
                if entry.reason:
                    desk.metrics.count("auth_failures_total", reason=entry.reason)
                    await refuse(401, entry.line, {"WWW-Authenticate": "Bearer"})(scope, receive, observe)
                    return
                client = entry.client
            scope["client_name"] = client
            with desk.leases.attend(headers.get(wire.LEASE_HEADER.lower(), "")):
                await self._app(scope, receive, observe)
        finally:
            desk.metrics.count("requests_total", status=str(status))
            if scope["method"] in _LOGGED or status == 401:
                desk.audit.write(
                    "request",
                    client=client,
                    peer=(scope.get("client") or ("",))[0],
                    method=scope["method"][:16],
                    path=scope["path"][:MAX_PATH_CHARACTERS],
                    status=status,
                )


def refuse(status: int, line: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A no, in one line of JSON.

    Args:
        status: HTTP status.
        line: why.
        headers: further ones.
    """
    # What a stranger sent may stand in the line: whatever cannot be encoded is replaced, and it is cut.
    plain = line.encode("utf-8", "replace").decode()[:MAX_LINE_CHARACTERS]
    # Closing, for the rest of a body that was refused would be received to its end, and that may never come.
    return JSONResponse({"error": plain}, status_code=status, headers={"Connection": "close", **(headers or {})})
