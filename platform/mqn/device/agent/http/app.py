"""The agent's application: routes behind access control; every failure is one line."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from mqn.device.agent.http.endpoints import Endpoints
from mqn.device.agent.http.middleware import AccessControl, refuse
from mqn.device.agent.http.parts import AgentParts
from mqn.device.agent.http.routes import OPERATIONS, openapi
from mqn.device.agent.queue.refusals import RefusedError


def build_app(parts: AgentParts) -> Starlette:
    """Put the application together.

    Args:
        parts: all that it works with.
    """
    ends = Endpoints(parts, openapi)
    app = Starlette(
        routes=[
            Route(operation.path, getattr(ends, operation.does), methods=[operation.method]) for operation in OPERATIONS
        ],
        middleware=[Middleware(AccessControl, parts=parts)],
        exception_handlers={HTTPException: _tell, RefusedError: _tell_refusal, ClientDisconnect: _tell_nobody},
    )
    app.router.redirect_slashes = False
    return app


async def _tell(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refuse(error.status_code, error.detail, dict(error.headers or {}))


async def _tell_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return refuse(error.status, error.line, headers)


async def _tell_nobody(_: Request, error: Exception) -> Response:
    del error
    return refuse(400, "the request broke off")
