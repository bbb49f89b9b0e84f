"""The agent's HTTP face: requests checked at the door, failures told in one line."""

from __future__ import annotations

import hmac
import json
import math

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mqn.device import wire
from mqn.device.agent.jobs import Jobs, KeyReusedError, MissingModelError, QueueFullError
from mqn.device.agent.store import Store, TooLargeError, WrongHashError
from mqn.errors import ConfigError
from mqn.parsing import from_mapping, to_plain
from mqn.records import DeviceInfo

RETRY_AFTER_SECONDS = 2


class BearerToken:
    """Lets nobody in without the token, except to `/v1/health`."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or pass the request on."""
        if scope["type"] == "http" and scope["path"] != wire.HEALTH:
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                refusal = _refuse(401, "a valid bearer token is needed", {"WWW-Authenticate": "Bearer"})
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Endpoints:
    """What the agent answers, path by path (`mqn.device.wire`)."""

    def __init__(self, store: Store, jobs: Jobs, info: DeviceInfo, max_model_bytes: int) -> None:
        self._store, self._jobs, self._info, self._max_model_bytes = store, jobs, info, max_model_bytes

    async def put_model(self, request: Request) -> Response:
        """Take a model in."""
        name = _model_name(request)
        if self._store.has(name):
            return JSONResponse({"sha256": name})
        try:
            if int(request.headers.get("content-length", "0")) > self._max_model_bytes:
                raise TooLargeError
            await self._store.receive(name, request.stream(), self._max_model_bytes)
        except TooLargeError:
            return _refuse(413, f"a model may have at most {self._max_model_bytes} bytes")
        except WrongHashError:
            return _refuse(422, f"the bytes sent do not have the SHA-256 {name}")
        except ClientDisconnect:
            return _refuse(400, "the upload broke off")
        return JSONResponse({"sha256": name}, status_code=201)

    async def head_model(self, request: Request) -> Response:
        """Say whether a model is here."""
        return Response(status_code=200 if self._store.has(_model_name(request)) else 404)

    async def post_job(self, request: Request) -> Response:
        """Queue a job."""
        key = request.headers.get(wire.IDEMPOTENCY_HEADER)
        if key is not None and len(key) > wire.MAX_KEY_CHARACTERS:
            return _refuse(422, f"{wire.IDEMPOTENCY_HEADER} may have at most {wire.MAX_KEY_CHARACTERS} characters")
        try:
            plain = json.loads(await _read_bounded(request, wire.MAX_JOB_BYTES))
            status = self._jobs.submit(from_mapping(wire.JobRequest, plain, source="job"), key)
        except TooLargeError:
            return _refuse(413, f"a job may have at most {wire.MAX_JOB_BYTES} bytes")
        except (ValueError, RecursionError):
            return _refuse(422, "the job is not valid JSON")
        except ConfigError as error:
            return _refuse(422, str(error))
        except KeyReusedError:
            return _refuse(422, f"this {wire.IDEMPOTENCY_HEADER} belongs to another job")
        except MissingModelError as error:
            return _refuse(404, f"no model {error} here; PUT it first")
        except QueueFullError:
            return _refuse(409, "the queue is full", {"Retry-After": str(RETRY_AFTER_SECONDS)})
        except ClientDisconnect:
            return _refuse(400, "the job broke off")
        return JSONResponse(to_plain(status), status_code=202)

    async def get_job(self, request: Request) -> Response:
        """Say where a job stands, at the latest after so many seconds."""
        try:
            seconds = float(request.query_params.get("wait", "0"))
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds <= wire.MAX_WAIT_SECONDS:
            return _refuse(422, f"wait must be between 0 and {wire.MAX_WAIT_SECONDS:g} seconds")
        return _answer(await self._jobs.wait(request.path_params["id"], seconds))

    async def delete_job(self, request: Request) -> Response:
        """Cancel a job."""
        return _answer(self._jobs.cancel(request.path_params["id"]))

    async def get_device(self, _: Request) -> Response:
        """Say who this device is."""
        return JSONResponse(to_plain(self._info))

    async def get_health(self, _: Request) -> Response:
        """Say that the agent lives."""
        return JSONResponse({"status": "ok"})


def build_app(
    store: Store, jobs: Jobs, info: DeviceInfo, token: str | None = None, max_model_bytes: int = wire.MAX_MODEL_BYTES
) -> Starlette:
    """Put the agent's application together.

    Args:
        store: of models.
        jobs: the queue.
        info: who this device is.
        token: what clients must bring; None lets everybody in.
        max_model_bytes: size of the largest model.
    """
    ends = Endpoints(store, jobs, info, max_model_bytes)
    model, job = wire.MODELS + "/{sha256}", wire.JOBS + "/{id}"
    return Starlette(
        routes=[
            Route(model, ends.put_model, methods=["PUT"]),
            Route(model, ends.head_model, methods=["HEAD"]),
            Route(wire.JOBS, ends.post_job, methods=["POST"]),
            Route(job, ends.get_job, methods=["GET"]),
            Route(job, ends.delete_job, methods=["DELETE"]),
            Route(wire.DEVICE, ends.get_device, methods=["GET"]),
            Route(wire.HEALTH, ends.get_health, methods=["GET"]),
        ],
        middleware=[Middleware(BearerToken, token=token)] if token else [],
        exception_handlers={HTTPException: _tell},
    )


def _model_name(request: Request) -> str:
    name: str = request.path_params["sha256"]
    if not wire.MODEL_NAME.fullmatch(name):
        raise HTTPException(422, "a model's name is its SHA-256, 64 lower-case hexadecimal digits")
    return name


async def _read_bounded(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLargeError
    return bytes(body)


def _answer(status: wire.JobStatus | None) -> Response:
    if status is None:
        return _refuse(404, "no such job; it may have ended long ago, or the agent was started anew")
    return JSONResponse(to_plain(status))


def _refuse(status: int, line: str, headers: dict[str, str] | None = None) -> JSONResponse:
    # Closing, for the rest of a body that was refused would be received to its end, and that may never come.
    return JSONResponse({"error": line}, status_code=status, headers={"Connection": "close", **(headers or {})})


async def _tell(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _refuse(error.status_code, error.detail, dict(error.headers or {}))
