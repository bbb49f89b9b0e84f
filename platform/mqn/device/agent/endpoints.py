"""What the agent answers, path by path (`mqn.device.wire`)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mqn.device import wire
from mqn.device.agent import reading
from mqn.device.agent.audit import Audit
from mqn.device.agent.crowd import peer_of
from mqn.device.agent.driver import Driver
from mqn.device.agent.hosts import Hosts
from mqn.device.agent.jobs import JobAnswer, Jobs
from mqn.device.agent.leases import Leases
from mqn.device.agent.metrics import CONTENT_TYPE, Metrics
from mqn.device.agent.readings import take_readings
from mqn.device.agent.refusals import CrowdedError, DeviceGoneError, RefusedError, TooLargeError
from mqn.device.agent.store import Store
from mqn.device.agent.tokens import Tokens
from mqn.errors import DeviceError
from mqn.parsing import to_plain

T = TypeVar("T")

MAX_UPLOADS = 8
_NO_LEASE = "no such lease of yours; it may have ended long ago"
_NO_JOB = "no such job of yours; it may have ended long ago"


class UnknownError(RefusedError):
    """Nothing goes by that name here."""

    status = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """All that the endpoints work with.

    Attributes:
        store: of models.
        leases: who has the device.
        jobs: the queue.
        driver: of the device.
        metrics: counters.
        audit: the log.
        tokens: who may come in; None: everybody.
        hosts: the names under which it may be asked; None: any.
        certificate_expires: seconds since 1970; None without TLS.
        max_model_bytes: size of the largest model.
        max_uploads: how many may come in at once, of one peer half of them.
        idle_seconds: how long a body may stop coming.
    """

    store: Store
    leases: Leases
    jobs: Jobs
    driver: Driver
    metrics: Metrics
    audit: Audit
    tokens: Tokens | None = None
    hosts: Hosts | None = None
    certificate_expires: float | None = None
    max_model_bytes: int = wire.MAX_MODEL_BYTES
    max_uploads: int = MAX_UPLOADS
    idle_seconds: float = reading.IDLE_SECONDS


class Endpoints:
    """One method for each of the routes."""

    def __init__(self, desk: Desk, document: Callable[[], dict[str, Any]]) -> None:
        """Remember what to work with.

        Args:
            desk: all that.
            document: makes the OpenAPI document.
        """
        self._desk, self._document = desk, document
        self._uploads: Counter[str] = Counter()
        self._asked: dict[str, asyncio.Future[Any]] = {}

    async def put_model(self, request: Request) -> Response:
        """Take a model in."""
        name, desk = reading.read_model_name(request), self._desk
        with self._counted_upload(peer_of(tuple(request.client or ()))):
            chunks = reading.read_chunks(request, desk.idle_seconds)
            if desk.store.has(name):
                # Read to its end: an answer before that would be lost with the connection.
                received = 0
                async for chunk in chunks:
                    received += len(chunk)
                    if received > desk.max_model_bytes:
                        raise TooLargeError(f"a model may have at most {desk.max_model_bytes} bytes")
                return JSONResponse({"sha256": name})
            announced = request.headers.get("content-length", "0")
            expected = int(announced) if announced.isascii() and announced.isdigit() else 0
            if expected > desk.max_model_bytes:
                raise TooLargeError(f"a model may have at most {desk.max_model_bytes} bytes")
            size = await desk.store.receive(name, chunks, desk.max_model_bytes, expected)
        desk.metrics.count("upload_bytes_total", size)
        return JSONResponse({"sha256": name}, status_code=201)

    async def head_model(self, request: Request) -> Response:
        """Say whether a model is here."""
        return Response(status_code=200 if self._desk.store.has(reading.read_model_name(request)) else 404)

    async def post_lease(self, request: Request) -> Response:
        """Ask for the device."""
        key = reading.read_key(request)
        wish = await reading.read_record(wire.LeaseRequest, request, "lease", self._desk.idle_seconds)
        lease = self._desk.leases.request(wish, _client(request), key)
        return JSONResponse(to_plain(lease), status_code=201)

    async def get_lease(self, request: Request) -> Response:
        """Say where a lease stands, at the latest after so many seconds."""
        seconds, lease_id, leases = reading.read_wait(request), self._own_lease(request), self._desk.leases
        with leases.attend(lease_id) as change:
            if change is not None:
                with change.listen() as told:
                    first = leases.status(lease_id)
                    # Who asks thinks that it waits: a turn that came in between two requests is told at once.
                    if first is not None and first.state == "waiting":
                        await reading.until(request, told, seconds)
        return _lease(leases.status(lease_id))

    async def put_lease(self, request: Request) -> Response:
        """Take a sign of life."""
        lease_id = self._own_lease(request)
        with self._desk.leases.attend(lease_id):
            return _lease(self._desk.leases.status(lease_id))

    async def delete_lease(self, request: Request) -> Response:
        """Take a lease back."""
        return _lease(self._desk.leases.end(self._own_lease(request)))

    async def post_job(self, request: Request) -> Response:
        """Queue a job."""
        key, lease = reading.read_key(request), request.headers.get(wire.LEASE_HEADER)
        job = await reading.read_record(wire.JobRequest, request, "job", self._desk.idle_seconds)
        return _job(self._desk.jobs.submit(job, lease, _client(request), key), 202)

    async def get_job(self, request: Request) -> Response:
        """Say where a job stands, at the latest after so many seconds."""
        seconds, job_id, jobs = reading.read_wait(request), self._own_job(request), self._desk.jobs
        found = jobs.find(job_id)
        if found is not None:
            lease_id, change = found
            with self._desk.leases.attend(lease_id), change.listen() as told:
                first = jobs.status(job_id)
                if first is not None and not first.ended:
                    await reading.until(request, told, seconds)
        return _job(jobs.status(job_id))

    async def delete_job(self, request: Request) -> Response:
        """Cancel a job."""
        return _job(self._desk.jobs.cancel(self._own_job(request)))

    async def get_device(self, _: Request) -> Response:
        """Say who this device is."""
        return JSONResponse(to_plain(await self._ask("info", self._desk.driver.info)))

    async def get_state(self, _: Request) -> Response:
        """Say how the device is."""
        return JSONResponse(to_plain(await self._ask("state", self._desk.driver.state)))

    async def get_isolation(self, _: Request) -> Response:
        """Say what passes are kept from."""
        return JSONResponse(to_plain(await self._ask("isolation", self._desk.driver.isolation)))

    async def get_metrics(self, _: Request) -> Response:
        """Say what was counted."""
        text = self._desk.metrics.render(take_readings(self._desk))
        return Response(text, media_type=CONTENT_TYPE)

    async def get_openapi(self, _: Request) -> Response:
        """Describe this interface."""
        return JSONResponse(self._document())

    async def get_health(self, _: Request) -> Response:
        """Say that the agent lives."""
        return JSONResponse({"status": "ok"})

    def _own_lease(self, request: Request) -> str:
        """The lease that the path names, of whoever asks: others learn not even that there is one."""
        lease_id: str = request.path_params["id"]
        if self._desk.leases.owner(lease_id) != _client(request):
            raise UnknownError(_NO_LEASE)
        return lease_id

    def _own_job(self, request: Request) -> str:
        """The job that the path names, likewise."""
        job_id: str = request.path_params["id"]
        if self._desk.jobs.owner(job_id) != _client(request):
            raise UnknownError(_NO_JOB)
        return job_id

    async def _ask(self, name: str, question: Callable[[], T]) -> T:
        """Ask the device, which may take its time, in a thread; whoever asks the same meanwhile waits for that answer.

        One that does not answer would otherwise hold a thread for every client that has given up since.
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
            done.exception()  # seen, also where nobody waits for it any more

    @contextmanager
    def _counted_upload(self, peer: str) -> Iterator[None]:
        outcome, most = "broken off", self._desk.max_uploads
        if self._uploads.total() >= most or self._uploads[peer] >= -(-most // 2):
            self._desk.metrics.count("uploads_total", outcome="refused")
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
            self._desk.metrics.count("uploads_total", outcome=outcome)


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
