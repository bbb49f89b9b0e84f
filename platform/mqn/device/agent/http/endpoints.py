"""The agent's endpoints, one method a route (`mqn.device.wire`)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mqn.device import wire
from mqn.device.agent.http import request_bodies
from mqn.device.agent.http.caller_limits import peer_of
from mqn.device.agent.http.gauges import take_readings
from mqn.device.agent.http.parts import AgentParts
from mqn.device.agent.queue.job import JobAnswer
from mqn.device.agent.queue.refusals import CrowdedError, DeviceGoneError, RefusedError, TooLargeError
from mqn.errors import DeviceError
from mqn.parsing import to_plain

T = TypeVar("T")

_NO_LEASE = "no such lease of yours; it may have ended long ago"
_NO_JOB = "no such job of yours; it may have ended long ago"


class UnknownError(RefusedError):
    """Nothing here has that name."""

    status = 404


class Endpoints:
    """One method for each of the routes."""

    def __init__(self, parts: AgentParts, document: Callable[[], dict[str, Any]]) -> None:
        """Remember what to work with.

        Args:
            parts: all that.
            document: makes the OpenAPI document.
        """
        self._parts, self._document = parts, document
        self._uploads: Counter[str] = Counter()
        self._asked: dict[str, asyncio.Future[Any]] = {}

    async def put_model(self, request: Request) -> Response:
        """Take a model in."""
        name, parts = request_bodies.read_model_name(request), self._parts
        with self._counted_upload(peer_of(tuple(request.client or ()))):
            chunks = request_bodies.read_chunks(request, parts.idle_seconds)
            if parts.store.has(name):
                # The body is read to its end: an earlier answer would be lost with the connection.
                received = 0
                async for chunk in chunks:
                    received += len(chunk)
                    if received > parts.max_model_bytes:
                        raise TooLargeError(f"a model may have at most {parts.max_model_bytes} bytes")
                return JSONResponse({"sha256": name})
            announced = request.headers.get("content-length", "0")
            expected = int(announced) if announced.isascii() and announced.isdigit() else 0
            if expected > parts.max_model_bytes:
                raise TooLargeError(f"a model may have at most {parts.max_model_bytes} bytes")
            size = await parts.store.receive(name, chunks, parts.max_model_bytes, expected)
        parts.metrics.count("upload_bytes_total", size)
        return JSONResponse({"sha256": name}, status_code=201)

    async def head_model(self, request: Request) -> Response:
        """Say whether a model is here."""
        return Response(status_code=200 if self._parts.store.has(request_bodies.read_model_name(request)) else 404)

    async def post_lease(self, request: Request) -> Response:
        """Ask for the device."""
        key = request_bodies.read_key(request)
        wish = await request_bodies.read_record(wire.LeaseRequest, request, "lease", self._parts.idle_seconds)
        lease = self._parts.leases.request(wish, _client(request), key)
        return JSONResponse(to_plain(lease), status_code=201)

    async def get_lease(self, request: Request) -> Response:
        """Answer a lease's state, at the latest after so many seconds."""
        seconds, lease_id, leases = request_bodies.read_wait(request), self._own_lease(request), self._parts.leases
        with leases.attend(lease_id) as change:
            if change is not None:
                with change.listen() as told:
                    first = leases.status(lease_id)
                    # Where its turn has come between two requests, the client is answered at once.
                    if first is not None and first.state == "waiting":
                        await request_bodies.until(request, told, seconds)
        return _lease(leases.status(lease_id))

    async def put_lease(self, request: Request) -> Response:
        """Take a sign of life."""
        lease_id = self._own_lease(request)
        with self._parts.leases.attend(lease_id):
            return _lease(self._parts.leases.status(lease_id))

    async def delete_lease(self, request: Request) -> Response:
        """Take a lease back."""
        return _lease(self._parts.leases.end(self._own_lease(request)))

    async def post_job(self, request: Request) -> Response:
        """Queue a job."""
        key, lease = request_bodies.read_key(request), request.headers.get(wire.LEASE_HEADER)
        job = await request_bodies.read_record(wire.JobRequest, request, "job", self._parts.idle_seconds)
        return _job(self._parts.jobs.submit(job, lease, _client(request), key), 202)

    async def get_job(self, request: Request) -> Response:
        """Answer a job's status, at the latest after so many seconds."""
        seconds, job_id, jobs = request_bodies.read_wait(request), self._own_job(request), self._parts.jobs
        found = jobs.find(job_id)
        if found is not None:
            lease_id, change = found
            with self._parts.leases.attend(lease_id), change.listen() as told:
                first = jobs.status(job_id)
                if first is not None and not first.ended:
                    await request_bodies.until(request, told, seconds)
        return _job(jobs.status(job_id))

    async def delete_job(self, request: Request) -> Response:
        """Cancel a job."""
        return _job(self._parts.jobs.cancel(self._own_job(request)))

    async def get_device(self, _: Request) -> Response:
        """Say who this device is."""
        return JSONResponse(to_plain(await self._ask("info", self._parts.driver.info)))

    async def get_state(self, _: Request) -> Response:
        """Say how the device is."""
        return JSONResponse(to_plain(await self._ask("state", self._parts.driver.state)))

    async def get_isolation(self, _: Request) -> Response:
        """Say what passes are kept from."""
        return JSONResponse(to_plain(await self._ask("isolation", self._parts.driver.isolation)))

    async def get_metrics(self, _: Request) -> Response:
        """Say what was counted."""
        text = self._parts.metrics.render(take_readings(self._parts))
        return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    async def get_openapi(self, _: Request) -> Response:
        """Describe this interface."""
        return JSONResponse(self._document())

    async def get_health(self, _: Request) -> Response:
        """Say that the agent lives."""
        return JSONResponse({"status": "ok"})

    def _own_lease(self, request: Request) -> str:
        """The lease that the path names, if it is the client's own; others do not learn that it exists."""
        return _own(request, self._parts.leases.owner, _NO_LEASE)

    def _own_job(self, request: Request) -> str:
        """The job that the path names, likewise."""
        return _own(request, self._parts.jobs.owner, _NO_JOB)

    async def _ask(self, name: str, question: Callable[[], T]) -> T:
        """Ask the device in a thread, since it may be slow; the same question meanwhile waits for the same answer.

        Otherwise a device that does not answer would hold a thread for every client that gave up.
        """
        if name not in self._asked:
            self._asked[name] = asyncio.ensure_future(asyncio.to_thread(question))
            self._asked[name].add_done_callback(lambda done: self._forget(name, done))
        try:
            answer: T = await asyncio.shield(self._asked[name])
        except DeviceError as error:
            raise DeviceGoneError(str(error)) from error
        return answer

    def _forget(self, name: str, done: asyncio.Future[Any]) -> None:
        del self._asked[name]
        if not done.cancelled():
            done.exception()  # Marks it as seen, also where no client waits any more.

    @contextmanager
    def _counted_upload(self, peer: str) -> Iterator[None]:
        outcome, most = "broken off", self._parts.max_uploads
        if self._uploads.total() >= most or self._uploads[peer] >= -(-most // 2):
            self._parts.metrics.count("uploads_total", outcome="refused")
            raise CrowdedError(f"{self._uploads.total()} uploads are coming in already; try again in a moment")
        self._uploads[peer] += 1
        try:
            yield
            outcome = "taken"
        except RefusedError:
            outcome = "refused"
            raise
        finally:
            self._uploads[peer] -= 1
            self._uploads += Counter()  # forgets who has none
            self._parts.metrics.count("uploads_total", outcome=outcome)


def _own(request: Request, owner: Callable[[str], str | None], line: str) -> str:
    name: str = request.path_params["id"]
    if owner(name) != _client(request):
        raise UnknownError(line)
    return name


def _client(request: Request) -> str:
    return str(request.scope.get("client_name", ""))


def _lease(lease: wire.Lease | None) -> Response:
    if lease is None:
        raise UnknownError(_NO_LEASE)
    return JSONResponse(to_plain(lease))


def _job(answer: JobAnswer | None, status: int = 200) -> Response:
    if answer is None:
        raise UnknownError(_NO_JOB)
    return Response(answer.text, status_code=status, media_type="application/json")
