"""A lease as the host holds it: waiting for the turn, signs of life, jobs, giving it back."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import httpx

from mqn.device import wire
from mqn.device.connection import Connection, line_of, retry_after
from mqn.device.uploads import send_files
from mqn.errors import DeviceAwayError, DeviceRefusedError, ModelFileError
from mqn.parsing import file_hash, to_plain
from mqn.records import Comparison, Measurement, MeasureSettings, OpProfile

TTL_SECONDS = 60.0
POLL_SECONDS = 20.0
BUSY_SECONDS = 60.0
TRIES = 3

OnState = Callable[[wire.JobState], None]
OnWait = Callable[[int], None]


def name_holder(what: str) -> str:
    """Who holds a lease, told apart from others elsewhere: `attention on lab-server`."""
    name = "".join(letter if letter.isprintable() else "?" for letter in f"{what} on {socket.gethostname()}")
    return name[: wire.MAX_HOLDER_CHARACTERS]


class HeldLease:
    """A lease whose turn has come."""

    def __init__(self, connection: Connection, lease: wire.Lease) -> None:
        """Use `hold`."""
        self.lease = lease
        self._connection = connection
        self._path = f"{wire.LEASES}/{lease.id}"
        self._alive = time.monotonic()

    def measure(self, files: Sequence[Path], settings: MeasureSettings, on_state: OnState | None = None) -> Measurement:
        """Measure a model once.

        Args:
            files: one model, or backbone and head in this order.
            settings: how.
            on_state: told whenever the job's state changes.

        Returns:
            The measurement, whatever its verdict.

        Raises:
            DeviceAwayError: the device cannot be reached, went away, is too busy, or the lease was lost.
            DeviceRefusedError: it refuses: token, size, settings.
            ModelFileError: a file cannot be read.
        """
        status = self._run("measure", files, (), settings, on_state)
        if status.measurement is None:
            raise self._given_up(status)
        self._check_answer([part.sha256 for part in status.measurement.parts], files)
        return status.measurement

    def compare(
        self,
        files: Sequence[Path],
        against: Sequence[Path],
        settings: MeasureSettings,
        on_state: OnState | None = None,
    ) -> Comparison:
        """Time two models in turns, once; otherwise like `measure`."""
        status = self._run("compare", files, against, settings, on_state)
        if status.comparison is None:
            raise self._given_up(status)
        self._check_answer([part.sha256 for part in status.comparison.first], files)
        self._check_answer([part.sha256 for part in status.comparison.second], against)
        return status.comparison

    def profile(self, files: Sequence[Path], settings: MeasureSettings, on_state: OnState | None = None) -> OpProfile:
        """Profile a model by operator, once; otherwise like `measure`."""
        status = self._run("profile", files, (), settings, on_state)
        if status.profile is None:
            raise self._given_up(status)
        self._check_answer(status.profile.sha256, files)
        return status.profile

    def beat(self, after_seconds: float) -> None:
        """Give a sign of life if there was none for so long."""
        if time.monotonic() - self._alive >= after_seconds and self._connection.tell("PUT", self._path):
            self._alive = time.monotonic()

    def _run(
        self,
        kind: wire.JobKind,
        files: Sequence[Path],
        against: Sequence[Path],
        settings: MeasureSettings,
        on_state: OnState | None,
    ) -> wire.JobStatus:
        every = (*files, *against)
        try:
            hashes = [file_hash(file) for file in every]
            request = wire.JobRequest(
                kind=kind,
                files=wire.name_parts(hashes[: len(files)]),
                against=wire.name_parts(hashes[len(files) :]) if against else (),
                settings=settings,
            )
        except OSError as error:
            raise ModelFileError(f"cannot read {error.filename}: {error.strerror}") from error
        except ValueError as error:
            raise DeviceRefusedError(f"cannot be measured: {error}") from error
        status = self._post(request, dict(zip(hashes, every, strict=True)))
        try:
            return self._follow(status, on_state)
        except BaseException:
            self._connection.tell("DELETE", f"{wire.JOBS}/{status.id}")
            raise

    def _post(self, request: wire.JobRequest, files: Mapping[str, Path]) -> wire.JobStatus:
        # One key for one job, however often it is sent: a lost answer does not make a second one.
        headers = {wire.IDEMPOTENCY_HEADER: uuid.uuid4().hex, wire.LEASE_HEADER: self.lease.id}
        end, missing = time.monotonic() + BUSY_SECONDS, 0
        while True:
            body = to_plain(request)
            response = self._connection.send("POST", wire.JOBS, json=body, headers=headers, allow=(404, 409))
            self._alive = time.monotonic()
            if response.status_code == 409:
                if "Retry-After" not in response.headers:
                    raise DeviceAwayError(f"the lease of {self._connection.url} was lost: {line_of(response)}")
                _wait_or_give_up(self._connection, response, end)
            elif response.status_code == 404 and missing < TRIES:
                # Not sent beforehand, or others' uploads have pushed it out of the agent's store meanwhile.
                missing += 1
                send_files(self._connection, files)
            elif response.status_code == 404:
                raise DeviceRefusedError(
                    f"the agent at {self._connection.url} does not keep the files: {line_of(response)}"
                )
            else:
                return self._connection.read(wire.JobStatus, response)

    def _follow(self, status: wire.JobStatus, on_state: OnState | None) -> wire.JobStatus:
        told, seconds = None, 0.0  # the first look only tells whether the job had to queue
        while True:
            if on_state is not None and status.state != told:
                on_state(status.state)
            if status.ended:
                return status
            told, self._alive = status.state, time.monotonic()
            path = f"{wire.JOBS}/{status.id}"
            response = self._connection.send("GET", path, params={"wait": seconds}, allow=(404,))
            if response.status_code == 404:
                raise DeviceAwayError(f"the agent at {self._connection.url} lost the job: {line_of(response)}")
            status, seconds = self._connection.read(wire.JobStatus, response), POLL_SECONDS

    def _check_answer(self, answered: Sequence[str], files: Sequence[Path]) -> None:
        # A model that crashed has no parts; what was timed must be what was asked for.
        if answered and list(answered) != [file_hash(file) for file in files]:
            raise DeviceRefusedError(f"the agent at {self._connection.url} answers for other files than were sent")

    def _given_up(self, status: wire.JobStatus) -> DeviceAwayError | DeviceRefusedError:
        reason = f": {status.error}" if status.error else ""
        if status.refused:
            return DeviceRefusedError(f"the device at {self._connection.url} refuses{reason}")
        return DeviceAwayError(f"the agent at {self._connection.url} gave the job up{reason} ({status.state})")


@contextlib.contextmanager
def hold(
    connection: Connection, holder: str, *, ttl_seconds: float = TTL_SECONDS, on_wait: OnWait | None = None
) -> Iterator[HeldLease]:
    """Wait for the turn, hold the device, give it back (see `Client.lease`).

    Raises:
        DeviceAwayError: the device cannot be reached, or loses the lease again and again.
        DeviceRefusedError: it refuses.
    """
    request = wire.LeaseRequest(holder=holder, ttl_seconds=ttl_seconds)
    lease = _await_turn(connection, request, on_wait)
    held, over = HeldLease(connection, lease), threading.Event()
    # Polls of a job are signs of life; this is for what lies between: pauses, large uploads.
    thread = threading.Thread(target=_beat, args=(held, over, ttl_seconds / 3), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield held
    finally:
        over.set()
        connection.tell("DELETE", f"{wire.LEASES}/{lease.id}")
        thread.join()


def _beat(held: HeldLease, over: threading.Event, seconds: float) -> None:
    while not over.wait(seconds):
        held.beat(1.5 * seconds)


def _await_turn(connection: Connection, request: wire.LeaseRequest, on_wait: OnWait | None) -> wire.Lease:
    for _ in range(TRIES):  # a waiting lease ends too, after a long cut or with its agent
        lease, told = _ask(connection, request), -1
        path = f"{wire.LEASES}/{lease.id}"
        try:
            while lease.state == "waiting":
                if on_wait is not None and lease.ahead != told:
                    told = lease.ahead
                    on_wait(told)
                response = connection.send("GET", path, params={"wait": POLL_SECONDS}, allow=(404,))
                if response.status_code == 404:
                    break
                lease = connection.read(wire.Lease, response)
        except BaseException:
            connection.tell("DELETE", path)
            raise
        if lease.state == "held":
            return lease
    raise DeviceAwayError(f"the agent at {connection.url} loses its leases; is it started again and again?")


def _ask(connection: Connection, request: wire.LeaseRequest) -> wire.Lease:
    headers, end = {wire.IDEMPOTENCY_HEADER: uuid.uuid4().hex}, time.monotonic() + BUSY_SECONDS
    while True:
        response = connection.send("POST", wire.LEASES, json=to_plain(request), headers=headers, allow=(409,))
        if response.status_code != 409:
            return connection.read(wire.Lease, response)
        _wait_or_give_up(connection, response, end)


def _wait_or_give_up(connection: Connection, response: httpx.Response, end: float) -> None:
    pause = retry_after(response)
    if time.monotonic() + pause > end:
        raise DeviceAwayError(f"the agent at {connection.url} is too busy: {line_of(response)}; try again later")
    time.sleep(pause)
