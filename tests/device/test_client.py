from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from mqn.device import wire
from mqn.device.agent.app import build_app
from mqn.device.agent.jobs import Jobs
from mqn.device.agent.store import Store
from mqn.device.client import Client
from mqn.errors import DeviceAwayError, DeviceRefusedError, ModelFileError
from mqn.records import DeviceInfo, MeasureSettings

Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"a model")
    return path


class Wire(httpx.BaseTransport):
    """Passes requests on, and notes them; `before` may answer, or fail, in the agent's stead."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.sent: list[str] = []
        self.headers: list[httpx.Headers] = []
        self.before: list[Answer] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(f"{request.method} {request.url.path.split('/')[2]}")
        self.headers.append(request.headers)
        return self.before.pop(0)(request) if self.before else self._inner.handle_request(request)


@pytest.fixture
def line(connect, store: Store, jobs: Jobs, info: DeviceInfo) -> Wire:
    return Wire(connect(build_app(store, jobs, info, max_model_bytes=100))._transport)


@pytest.fixture
def client(line: Wire) -> Client:
    return Client("http://agent:8600", backoff_seconds=(0, 0), patience_seconds=0.2, transport=line)


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


def answer(status: int, body: object = None, headers: dict[str, str] | None = None) -> Answer:
    return lambda request: httpx.Response(status, content=json.dumps(body), headers=headers, request=request)


def test_who_it_is(client: Client, info: DeviceInfo) -> None:
    assert client.info() == info


def test_a_measurement(client: Client, bench, model: Path) -> None:
    states: list[str] = []
    assert client.measure([model], MeasureSettings(runs=3), states.append) == bench.answer
    assert states[0] == "queued"
    assert states[-1] == "done"
    assert bench.contents == [[b"a model"]]


def test_only_what_the_agent_lacks_is_sent(client: Client, line: Wire, model: Path) -> None:
    client.measure([model])
    client.measure([model])
    assert line.sent.count("PUT models") == 1
    assert line.sent.count("HEAD models") == 2


def test_the_size_is_declared(client: Client, line: Wire, model: Path) -> None:
    client.measure([model])
    headers = line.headers[line.sent.index("PUT models")]
    assert headers["Content-Length"] == "7"


def test_every_measurement_has_its_key(client: Client, line: Wire, model: Path) -> None:
    client.measure([model])
    client.measure([model])
    keys = {headers.get(wire.IDEMPOTENCY_HEADER) for headers in line.headers} - {None}
    assert len(keys) == 2


def test_a_lost_answer_does_not_measure_twice(client: Client, line: Wire, bench, model: Path) -> None:
    def lose(request: httpx.Request) -> httpx.Response:
        line._inner.handle_request(request)
        raise httpx.ReadError("connection reset", request=request)

    passing = [line._inner.handle_request] * 2
    line.before = [*passing, lose]
    client.measure([model])
    assert line.sent.count("POST jobs") == 2
    assert len(bench.calls) == 1


def test_short_absences_are_waited_out(client: Client, line: Wire, info: DeviceInfo) -> None:
    line.before = [unreachable, unreachable]
    assert client.info() == info


def test_long_absences_are_told(client: Client, line: Wire) -> None:
    line.before = [unreachable] * 3
    with pytest.raises(DeviceAwayError, match="start it with: mqn agent --port 8600"):
        client.info()


def test_a_full_queue_is_waited_for(client: Client, line: Wire, bench, model: Path) -> None:
    client.measure([model])
    line.before = [line._inner.handle_request, answer(409, {"error": "full"}, {"Retry-After": "0"})]
    assert client.measure([model]) == bench.answer


def test_a_queue_that_stays_full_is_told(client: Client, line: Wire, model: Path) -> None:
    client.measure([model])
    line.before = [line._inner.handle_request, answer(409, {"error": "the queue is full"}, {"Retry-After": "2"})]
    with pytest.raises(DeviceAwayError, match="too busy: the queue is full"):
        client.measure([model])


def test_a_model_that_was_dropped_is_sent_again(client: Client, line: Wire, bench, model: Path) -> None:
    line.before = [line._inner.handle_request] * 2 + [answer(404, {"error": "no model"})]
    assert client.measure([model]) == bench.answer
    assert line.sent.count("HEAD models") == 2


def test_a_model_that_is_dropped_every_time_is_told(client: Client, line: Wire, model: Path) -> None:
    gone = answer(404, {"error": "no model"})
    line.before = [answer(200), gone] * 4
    with pytest.raises(DeviceRefusedError, match="does not keep the files"):
        client.measure([model])


def test_a_lost_job_is_told(client: Client, line: Wire, model: Path) -> None:
    line.before = [line._inner.handle_request] * 3 + [answer(404, {"error": "no such job"})]
    with pytest.raises(DeviceAwayError, match="lost the job"):
        client.measure([model])


def test_a_cancelled_job_is_told(client: Client, jobs: Jobs, bench, model: Path) -> None:
    bench.held = True

    def cancel(state: str) -> None:
        if state == "running":
            jobs.cancel(next(iter(jobs._jobs)))

    with pytest.raises(DeviceAwayError, match="gave the job up"):
        client.measure([model], on_state=cancel)


def test_leaving_cancels_the_job(client: Client, jobs: Jobs, bench, model: Path) -> None:
    bench.held = True

    def leave(state: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.measure([model], on_state=leave)
    assert [job.state for job in jobs._jobs.values()] == ["cancelled"]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, {"error": "a valid bearer token is needed"}, r"a valid bearer token is needed \(401\)"),
        (500, "text", r"Internal Server Error \(500\)"),
        (200, {"id": 3}, "not understood here"),
        (200, "text", "not understood here"),
    ],
)
def test_refusals_and_strangers_are_told(client: Client, line: Wire, status: int, body: object, words: str) -> None:
    line.before = [answer(status, body)]
    with pytest.raises(DeviceRefusedError, match=words):
        client.info()


def test_too_large_a_model_is_refused(client: Client, tmp_path: Path) -> None:
    large = tmp_path / "large.tflite"
    large.write_bytes(b"x" * 101)
    with pytest.raises(DeviceRefusedError, match="at most 100 bytes"):
        client.measure([large])


@pytest.mark.parametrize(("count", "settings"), [(0, {}), (3, {}), (1, {"runs": wire.MAX_RUNS + 1})])
def test_what_no_agent_carries_out_is_not_even_sent(
    client: Client, line: Wire, model: Path, count: int, settings: dict
) -> None:
    with pytest.raises(DeviceRefusedError, match="cannot be measured"):
        client.measure([model] * count, MeasureSettings(**settings))
    assert line.sent == []


def test_a_missing_file_is_named(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"none\.tflite"):
        client.measure([tmp_path / "none.tflite"])


@pytest.mark.parametrize("url", ["agent:8600", "ftp://agent", "http://", "http://a:b:c", "loopback"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(DeviceRefusedError, match="no agent's address"):
        Client(url)
