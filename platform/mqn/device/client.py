"""The host's side: uploads what the agent lacks, queues a job, sleeps until it is done.

Foreign errors end here: whatever goes wrong leaves as `DeviceAwayError` (worth another try) or `DeviceRefusedError`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from mqn.device import wire
from mqn.errors import ConfigError, DeviceAwayError, DeviceRefusedError, ModelFileError
from mqn.parsing import file_hash, from_mapping, to_plain
from mqn.records import DeviceInfo, Measurement, MeasureSettings

T = TypeVar("T")

TIMEOUT = httpx.Timeout(connect=5.0, read=30.0, write=30.0, pool=5.0)
POLL_SECONDS = 20.0
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0)
PATIENCE_SECONDS = 120.0
CHUNK_BYTES = 1 << 20
JOB_TRIES = 3


class Client:
    """One agent, spoken to from one thread at a time."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        backoff_seconds: Sequence[float] = BACKOFF_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Remember whom to speak to; nothing is sent yet.

        Args:
            url: the agent's address, for example `http://192.168.1.20:8600`.
            token: what it wants to be shown.
            backoff_seconds: pauses between tries while it cannot be reached; one try more than there are pauses.
            patience_seconds: how long to wait for a place in a full queue.
            transport: another way to the agent, for tests.

        Raises:
            DeviceRefusedError: the address is none.
        """
        self.url = url.rstrip("/")
        self.token = token
        self._backoff_seconds = tuple(backoff_seconds)
        self._patience_seconds = patience_seconds
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if not _is_address(url):
            raise DeviceRefusedError(f"{url!r} is no agent's address; give one like http://192.168.1.20:8600")
        # A device is spoken to directly: a proxy of the environment would hold connections and delay answers.
        self._http = httpx.Client(
            base_url=self.url, headers=headers, timeout=TIMEOUT, trust_env=False, transport=transport
        )

    def __enter__(self) -> Self:
        """Use as a context manager to close its connections."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close its connections."""
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def info(self) -> DeviceInfo:
        """Ask who the device is.

        Raises:
            DeviceAwayError: it cannot be reached.
            DeviceRefusedError: it refuses.
        """
        return self._read(DeviceInfo, self._send("GET", wire.DEVICE))

    def measure(
        self,
        files: Sequence[Path],
        settings: MeasureSettings | None = None,
        on_state: Callable[[wire.JobState], None] | None = None,
    ) -> Measurement:
        """Measure a model once.

        Args:
            files: one model, or backbone and head in this order.
            settings: how.
            on_state: told whenever the job's state changes.

        Returns:
            The measurement, whatever its verdict.

        Raises:
            DeviceAwayError: the agent cannot be reached, went away, or is too busy.
            DeviceRefusedError: it refuses: token, size, settings.
            ModelFileError: a file cannot be read.
        """
        try:
            hashes = [file_hash(file) for file in files]
            request = wire.JobRequest(files=wire.name_parts(hashes), settings=settings or MeasureSettings())
        except OSError as error:
            raise ModelFileError(f"cannot read {error.filename}: {error.strerror}") from error
        except ValueError as error:
            raise DeviceRefusedError(f"cannot be measured: {error}") from error
        by_hash = dict(zip(hashes, files, strict=True))
        status = self._submit(request, by_hash)
        try:
            status = self._follow(status, on_state)
        except BaseException:
            self._cancel(status.id)
            raise
        if status.measurement is None:
            raise DeviceAwayError(f"the agent at {self.url} gave the job up ({status.state}); try again")
        return status.measurement

    def _follow(self, status: wire.JobStatus, on_state: Callable[[wire.JobState], None] | None) -> wire.JobStatus:
        told, seconds = None, 0.0  # the first look only tells whether the job had to queue
        while True:
            if on_state is not None and status.state != told:
                on_state(status.state)
            if status.ended:
                return status
            told, status = status.state, self._poll(status.id, seconds)
            seconds = POLL_SECONDS

    def _submit(self, request: wire.JobRequest, files: Mapping[str, Path]) -> wire.JobStatus:
        headers = {wire.IDEMPOTENCY_HEADER: uuid.uuid4().hex}
        end = time.monotonic() + self._patience_seconds
        missing = 0
        for sha256, path in files.items():
            self._upload(sha256, path)
        while True:
            response = self._send("POST", wire.JOBS, json=to_plain(request), headers=headers, allow=(404, 409))
            if response.status_code == 409:
                pause = _retry_after(response)
                if time.monotonic() + pause > end:
                    raise DeviceAwayError(f"the agent at {self.url} is too busy: {_line(response)}; try again later")
                time.sleep(pause)
            elif response.status_code == 404 and missing < JOB_TRIES:
                # Others' uploads may have pushed ours out of the agent's store meanwhile.
                missing += 1
                for sha256, path in files.items():
                    self._upload(sha256, path)
            elif response.status_code == 404:
                raise DeviceRefusedError(f"the agent at {self.url} does not keep the files: {_line(response)}")
            else:
                return self._read(wire.JobStatus, response)

    def _upload(self, sha256: str, path: Path) -> None:
        name, size = f"{wire.MODELS}/{sha256}", path.stat().st_size
        if size > wire.MAX_MODEL_BYTES:
            raise DeviceRefusedError(f"{path} has {size} bytes; a model may have at most {wire.MAX_MODEL_BYTES}")
        if self._send("HEAD", name, allow=(404,)).status_code == 404:
            self._send("PUT", name, headers={"Content-Length": str(size)}, body=lambda: _chunks(path))

    def _poll(self, job_id: str, seconds: float) -> wire.JobStatus:
        response = self._send("GET", f"{wire.JOBS}/{job_id}", params={"wait": seconds}, allow=(404,))
        if response.status_code == 404:
            raise DeviceAwayError(f"the agent at {self.url} lost the job: {_line(response)}; try again")
        return self._read(wire.JobStatus, response)

    def _cancel(self, job_id: str) -> None:
        try:
            self._http.delete(f"{wire.JOBS}/{job_id}", timeout=1.0)
        except httpx.HTTPError:
            return  # on the way out already, and an agent that is away has nothing to cancel

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Callable[[], Iterator[bytes]] | None = None,
        allow: tuple[int, ...] = (),
        **options: Any,
    ) -> httpx.Response:
        """Send what may be sent twice, again while the agent cannot be reached; raise for refusals not allowed for."""
        last: httpx.HTTPError | None = None
        for pause in (*self._backoff_seconds, None):
            try:
                content = None if body is None else body()
                response = self._http.request(method, path, content=content, **options)
            except httpx.TransportError as error:
                last = error
                if pause is not None:
                    time.sleep(pause)
                continue
            if response.is_success or response.status_code in allow:
                return response
            raise DeviceRefusedError(f"the agent at {self.url} refuses: {_line(response)} ({response.status_code})")
        port = self._http.base_url.port or 80
        raise DeviceAwayError(
            f"no agent answers at {self.url} ({_name(last)}); start it with: mqn agent --port {port}"
        ) from last

    def _read(self, cls: type[T], response: httpx.Response) -> T:
        try:
            return from_mapping(cls, response.json(), source=self.url)
        except (ValueError, ConfigError) as error:
            raise DeviceRefusedError(
                f"{self.url} answers in a way not understood here ({error}); is it an mqn agent of the same version?"
            ) from error


def _is_address(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return min(30.0, max(0.1, float(value))) if value.isdigit() else 1.0


def _line(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"])[:300]
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase or "no reason given"


def _name(error: Exception | None) -> str:
    return " ".join(str(error).split()) or type(error).__name__
