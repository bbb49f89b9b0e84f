"""The agent's application: the table of routes behind the door, every failure told in one line."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from mqn.device.agent.door import Door, refuse
from mqn.device.agent.endpoints import Desk, Endpoints
from mqn.device.agent.refusals import RefusedError
from mqn.device.agent.routes import OPERATIONS, openapi


def build_app(desk: Desk) -> Starlette:
    """Put the application together.

    Args:
        desk: all that it works with.
    """
    ends = Endpoints(desk, openapi)
    app = Starlette(
        routes=[
            Route(operation.path, getattr(ends, operation.does), methods=[operation.method]) for operation in OPERATIONS
        ],
        middleware=[Middleware(Door, desk=desk)],
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
