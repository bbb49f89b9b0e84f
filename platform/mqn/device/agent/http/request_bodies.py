"""Request bodies and parameters, read within limits of size and time."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from typing import NoReturn, TypeVar

from starlette.requests import Request

from mqn.device import wire
from mqn.device.agent.queue.refusals import RefusedError, SlowError, TooLargeError
from mqn.errors import ConfigError
from mqn.parsing import from_mapping

T = TypeVar("T")

IDLE_SECONDS = 30.0
# A slow body may hold a place no longer than one that arrives at this rate.
SLOWEST_BYTES_PER_SECOND = 10_000


class UnreadableError(RefusedError):
    """A body or parameter that cannot be understood."""

    status = 422


async def read_chunks(request: Request, idle_seconds: float = IDLE_SECONDS) -> AsyncIterator[bytes]:
    """Yield a request's body as it comes.

    Raises:
        SlowError: nothing came for `idle_seconds`, or the body comes so slowly that it would hold its place for hours.
    """
    stream, began, received = aiter(request.stream()), time.monotonic(), 0
    while True:
        left = began + idle_seconds + received / SLOWEST_BYTES_PER_SECOND - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(idle_seconds, left))):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise SlowError(f"the body does not come: {received} bytes, then nothing or hardly anything") from None
        received += len(chunk)
        yield chunk


async def read_record(cls: type[T], request: Request, what: str, idle_seconds: float = IDLE_SECONDS) -> T:
    """Read a body as a record; `what` names it in error messages.

    Raises:
        TooLargeError: it has more bytes than a job may have.
        SlowError: it does not come.
        UnreadableError: it is not such a record.
    """
    body = bytearray()
    async for chunk in read_chunks(request, idle_seconds):
        body += chunk
        if len(body) > wire.MAX_JOB_BYTES:
            raise TooLargeError(f"a {what} may have at most {wire.MAX_JOB_BYTES} bytes")
    try:
        # NaN and Infinity are not JSON; a whole number too large for a float is not a setting.
        return from_mapping(cls, json.loads(body, parse_constant=_refuse_constant), source=what)
    except ConfigError as error:
        raise UnreadableError(str(error)) from error
    except (ValueError, RecursionError, OverflowError) as error:
        raise UnreadableError(f"the {what} is not valid JSON") from error


def read_wait(request: Request) -> float:
    """How many seconds an answer may take, by the parameter `wait`.

    Raises:
        UnreadableError: it is no number within bounds.
    """
    try:
        seconds = float(request.query_params.get("wait", "0"))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= wire.MAX_WAIT_SECONDS:
        raise UnreadableError(f"wait must be between 0 and {wire.MAX_WAIT_SECONDS:g} seconds")
    return seconds


def read_key(request: Request) -> str | None:
    """The idempotency key; None without. An `UnreadableError` where it is too long."""
    key = request.headers.get(wire.IDEMPOTENCY_HEADER)
    if key is not None and len(key) > wire.MAX_KEY_CHARACTERS:
        raise UnreadableError(f"{wire.IDEMPOTENCY_HEADER} may have at most {wire.MAX_KEY_CHARACTERS} characters")
    return key


def read_model_name(request: Request) -> str:
    """The model that the path names. An `UnreadableError` where it is no SHA-256."""
    name: str = request.path_params["sha256"]
    if not wire.MODEL_NAME.fullmatch(name):
        raise UnreadableError("a model's name is its SHA-256, 64 lower-case hexadecimal digits")
    return name


async def until(request: Request, told: asyncio.Event, seconds: float) -> None:
    """Sleep until the event is set, the time is over, or the client is gone."""
    if seconds <= 0 or told.is_set():
        return
    tasks = [asyncio.ensure_future(told.wait()), asyncio.ensure_future(_gone(request))]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _gone(request: Request) -> None:
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return
        if message.get("more_body"):
            # A request with an endless body: it is not read, so a client that is gone shows only at the end.
            await asyncio.Event().wait()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
