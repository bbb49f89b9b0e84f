from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from tests.support.pool_fakes import FakeClock

from mqn.device import wire
from mqn.device.agent.http.app import build_app
from mqn.device.agent.http.parts import AgentParts
from mqn.device.agent.queue.jobs import Jobs
from mqn.device.client import Client
from mqn.device.lease import name_holder
from mqn.errors import DeviceAwayError, DeviceError, DeviceRefusedError, ModelFileError
from mqn.records import DeviceInfo, Measurement, MeasureSettings

Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"a model")
    return path


class Wire(httpx.BaseTransport):
    """Passes requests on, and notes them; `before` may answer, or fail, in the agent's stead, request by request."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner
        self.sent: list[str] = []
        self.requests: list[httpx.Request] = []
        self.before: dict[str, list[Answer]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.path.split('/')[2]}"
        self.sent.append(name)
        self.requests.append(request)
        waiting = self.before.get(name) or self.before.get("*")
        return waiting.pop(0)(request) if waiting else self.inner.handle_request(request)

    def headers(self, name: str) -> list[httpx.Headers]:
        return [request.headers for sent, request in zip(self.sent, self.requests, strict=True) if sent == name]


@pytest.fixture
def line(connect, parts: AgentParts) -> Wire:
    return Wire(connect(build_app(parts))._transport)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Time for whoever waits on the host's side; the agent in this process has its own."""
    clock = FakeClock()
    host = SimpleNamespace(monotonic=clock, sleep=clock.sleep)
    for module in ("connection", "lease"):
        monkeypatch.setattr(f"mqn.device.{module}.time", host)
    return clock


@pytest.fixture
def client(line: Wire, clock: FakeClock) -> Iterator[Client]:
    with Client("http://agent:8600", transport=line) as client:
        yield client


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


def answer(status: int, body: object = None, headers: dict[str, str] | None = None) -> Answer:
    return lambda request: httpx.Response(status, content=json.dumps(body), headers=headers, request=request)


def measure(client: Client, files: list[Path], settings: MeasureSettings | None = None, **options) -> Measurement:
    with client.lease("a study") as lease:
        return lease.measure(files, settings or MeasureSettings(), **options)


@pytest.fixture
def bench_for(bench, model: Path):
    """A bench that answers for the file that is sent."""
    import dataclasses

    from mqn.parsing import file_hash

    (part,) = bench.answer.parts
    bench.answer = dataclasses.replace(bench.answer, parts=(dataclasses.replace(part, sha256=file_hash(model)),))
    return bench


def test_who_it_is_and_how(client: Client, info: DeviceInfo) -> None:
    assert client.info() == info
    assert client.state().temperature_c == 40.0


def test_a_measurement(client: Client, line: Wire, bench_for, model: Path) -> None:
    states: list[str] = []
    assert measure(client, [model], MeasureSettings(runs=3), on_state=states.append) == bench_for.answer
    assert states[-1] == "done"
    assert bench_for.contents == [[b"a model"]]
    assert line.sent[0] == "POST leases"
    assert line.sent[-1] == "DELETE leases"


def test_only_what_the_agent_lacks_is_sent(client: Client, line: Wire, bench_for, model: Path) -> None:
    client.send([model])
    client.send([model])
    measure(client, [model])
    assert line.sent.count("PUT models") == 1
    assert line.headers("PUT models")[0]["Content-Length"] == "7"


def test_what_was_not_sent_ahead_is_sent_under_the_lease(client: Client, line: Wire, bench_for, model: Path) -> None:
    measure(client, [model])
    assert [name for name in line.sent if name in ("POST jobs", "PUT models")] == [
        "POST jobs",
        "PUT models",
        "POST jobs",
    ]


def test_every_measurement_has_its_key(client: Client, line: Wire, bench_for, model: Path) -> None:
    client.send([model])
    with client.lease("a study") as lease:
        for _ in range(2):
            lease.measure([model], MeasureSettings())
    assert len({headers[wire.IDEMPOTENCY_HEADER] for headers in line.headers("POST jobs")}) == 2
    assert len({headers[wire.LEASE_HEADER] for headers in line.headers("POST jobs")}) == 1


@pytest.mark.parametrize("what", ["POST jobs", "POST leases"])
def test_a_lost_answer_does_not_do_it_twice(what: str, client: Client, line: Wire, bench_for, model: Path) -> None:
    def lose(request: httpx.Request) -> httpx.Response:
        line.inner.handle_request(request)
        raise httpx.ReadError("connection reset", request=request)

    client.send([model])
    line.before = {what: [lose]}
    measure(client, [model])
    keys = [headers[wire.IDEMPOTENCY_HEADER] for headers in line.headers(what)]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(bench_for.jobs) == 1


def test_a_cut_in_mid_job_finds_the_same_job_again(
    client: Client, line: Wire, clock: FakeClock, bench_for, model: Path
) -> None:
    client.send([model])

    def cut(request: httpx.Request) -> httpx.Response:
        clock.sleep(5.0)  # until the connection times out
        if clock() < 30.0:
            line.before["GET jobs"].append(cut)
        raise httpx.ConnectTimeout("timed out", request=request)

    line.before = {"GET jobs": [cut]}
    assert measure(client, [model]) == bench_for.answer
    assert 30.0 <= clock() < 60.0
    assert len(bench_for.jobs) == 1
    assert line.sent.count("POST jobs") == 1


def test_a_cut_for_good_is_told_once_the_lease_is_certainly_over(
    client: Client, line: Wire, clock: FakeClock, bench_for, model: Path
) -> None:
    client.send([model])
    line.before = {"GET jobs": [unreachable] * 1000}
    with pytest.raises(DeviceAwayError, match=r"has not answered for \d+ s \(connection refused\)"):
        measure(client, [model])
    assert 60.0 < clock() <= 120.0


def test_what_was_never_there_is_not_waited_for_long(client: Client, line: Wire, clock: FakeClock) -> None:
    line.before = {"*": [unreachable] * 1000}
    with pytest.raises(DeviceAwayError, match=r"no agent answers .* start one with: mqn agent serve --port 8600"):
        client.info()
    assert clock() <= 5.0


@pytest.mark.parametrize("status", [408, 429, 502, 504])
def test_what_passes_is_waited_out(client: Client, line: Wire, clock: FakeClock, info, status: int) -> None:
    line.before = {"GET device": [answer(status, {"error": "not now"}, {"Retry-After": "3"})] * 3}
    assert client.info() == info
    assert clock() == 9.0


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, DeviceRefusedError, r"a reason \(401\); check token_env or token_file"),
        (413, DeviceRefusedError, r"refuses: a reason \(413\)"),
        (422, DeviceRefusedError, r"refuses: a reason \(422\)"),
        (500, DeviceRefusedError, r"refuses: a reason \(500\)"),
        (429, DeviceAwayError, r"has not answered for \d+ s \(a reason \(429\)\)"),
        (503, DeviceAwayError, "is there, its device is not: a reason"),
        (507, DeviceAwayError, "disk of the device .* is full: a reason; make room"),
    ],
)
def test_refusals_are_one_line(client: Client, line: Wire, status: int, kind: type[DeviceError], words: str) -> None:
    line.before = {"GET device": [answer(status, {"error": "a\nreason"})] * 1000}
    with pytest.raises(kind, match=words) as caught:
        client.info()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("body", [{"id": 3}, "text", [1]])
def test_strangers_are_told(client: Client, line: Wire, body: object) -> None:
    line.before = {"GET device": [answer(200, body)]}
    with pytest.raises(DeviceRefusedError, match="not understood here"):
        client.info()


def test_a_busy_agent_is_waited_for(client: Client, line: Wire, clock: FakeClock, bench_for, model: Path) -> None:
    client.send([model])
    busy = answer(409, {"error": "full"}, {"Retry-After": "7"})
    line.before = {"POST leases": [busy], "POST jobs": [busy]}
    assert measure(client, [model]) == bench_for.answer
    assert clock() == 14.0


@pytest.mark.parametrize("what", ["POST leases", "POST jobs"])
def test_an_agent_that_stays_busy_is_told(what: str, client: Client, line: Wire, model: Path) -> None:
    client.send([model])
    line.before = {what: [answer(409, {"error": "the queue is full"}, {"Retry-After": "2"})] * 100}
    with pytest.raises(DeviceAwayError, match="too busy: the queue is full"):
        measure(client, [model])


def test_a_lease_that_was_lost_is_told(client: Client, parts: AgentParts, model: Path) -> None:
    client.send([model])
    with client.lease("a study") as lease:
        parts.leases.end(lease.lease.id)
        with pytest.raises(DeviceAwayError, match=r"the lease of http://agent:8600 was lost: "):
            lease.measure([model], MeasureSettings())


def test_others_come_first(client: Client, connect, parts: AgentParts, line: Wire) -> None:
    told: list[int] = []
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with Client("http://agent:8600", transport=line) as other, other.lease("another study"):
            entered.set()
            leave.wait(20)

    def wait(ahead: int) -> None:
        told.append(ahead)
        leave.set()

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(20)
    with client.lease("a study", on_wait=wait) as lease:
        assert lease.lease.state == "held"
    thread.join()
    assert told == [1]


def test_a_lease_that_ends_while_it_waits_is_asked_for_again(client: Client, line: Wire) -> None:
    plain = {"id": "x", "holder": "a study", "ttl_seconds": 60.0}
    line.before = {
        "POST leases": [answer(201, {**plain, "state": "waiting", "ahead": 1})],
        "GET leases": [answer(200, {**plain, "state": "ended"})],
    }
    with client.lease("a study") as lease:
        assert lease.lease.id != "x"


def test_a_lease_is_given_back_whatever_happens(client: Client, parts: AgentParts) -> None:
    with pytest.raises(ZeroDivisionError), client.lease("a study") as lease:
        raise ZeroDivisionError
    assert parts.leases.status(lease.lease.id).state == "ended"


def test_a_lease_gives_signs_of_life_by_itself(client: Client, line: Wire) -> None:
    beaten = threading.Event()

    def note(request: httpx.Request) -> httpx.Response:
        beaten.set()
        return line.inner.handle_request(request)

    line.before = {"PUT leases": [note]}
    with client.lease("a study", ttl_seconds=1.0) as lease:
        lease._alive -= 100.0
        assert beaten.wait(20)


def test_a_model_that_is_dropped_every_time_is_told(client: Client, line: Wire, model: Path) -> None:
    line.before = {"POST jobs": [answer(404, {"error": "no model"})] * 10}
    with pytest.raises(DeviceRefusedError, match="does not keep the files"):
        measure(client, [model])


def test_a_lost_job_is_told(client: Client, line: Wire, model: Path) -> None:
    line.before = {"GET jobs": [answer(404, {"error": "no such job"})]}
    with pytest.raises(DeviceAwayError, match="lost the job"):
        measure(client, [model])


def test_a_cancelled_job_is_told(client: Client, jobs: Jobs, bench, model: Path) -> None:
    bench.held = True

    def cancel(state: str) -> None:
        if state == "running":
            assert bench.entered.wait(30)
            jobs.cancel(bench.jobs[0].id)

    with pytest.raises(DeviceAwayError, match="gave the job up"):
        measure(client, [model], on_state=cancel)


@pytest.mark.parametrize(
    ("refused", "kind", "words"),
    [(False, DeviceAwayError, "gave the job up: no phone"), (True, DeviceRefusedError, "refuses: no phone")],
)
def test_a_job_that_the_device_gives_up_says_why(
    client: Client, line: Wire, model: Path, refused: bool, kind: type[DeviceError], words: str
) -> None:
    ended = {"id": "1", "state": "cancelled", "error": "no phone", "refused": refused}
    line.before = {"GET jobs": [answer(200, ended)]}
    with pytest.raises(kind, match=words):
        measure(client, [model])


def test_an_answer_for_other_files_does_not_count(client: Client, bench, model: Path) -> None:
    with pytest.raises(DeviceRefusedError, match="answers for other files than were sent"):
        measure(client, [model])


def test_leaving_cancels_the_job(client: Client, bench, model: Path) -> None:
    bench.held = True

    def leave(state: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(client, [model], on_state=leave)
    assert all(job.switch.pulled.is_set() or job.state == "cancelled" for job in bench.jobs)


def test_too_large_a_model_is_refused(client: Client, tmp_path: Path) -> None:
    large = tmp_path / "large.tflite"
    large.write_bytes(b"x" * 101)
    with pytest.raises(DeviceRefusedError, match="at most 100 bytes"):
        client.send([large])


@pytest.mark.parametrize(("count", "settings"), [(0, {}), (3, {}), (1, {"runs": wire.MAX_RUNS + 1})])
def test_what_no_agent_carries_out_is_not_even_sent(
    client: Client, line: Wire, model: Path, count: int, settings: dict
) -> None:
    with pytest.raises(DeviceRefusedError, match="cannot be measured"):
        measure(client, [model] * count, MeasureSettings(**settings))
    assert "POST jobs" not in line.sent


def test_a_missing_file_is_named(client: Client, tmp_path: Path) -> None:
    for use in (client.send, lambda files: measure(client, files)):
        with pytest.raises(ModelFileError, match=r"none\.tflite"):
            use([tmp_path / "none.tflite"])


@pytest.mark.parametrize(
    "url", ["agent:8600", "ftp://agent", "http://", "http://a:b:c", "loopback", "http://a..b", f"http://{'a' * 64}"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(DeviceRefusedError, match="no agent's address"):
        Client(url)


@pytest.mark.parametrize("token", ["", "two\nlines", " padded", "schlüssel"])
def test_tokens_that_are_none(token: str) -> None:
    with pytest.raises(DeviceRefusedError, match="one line of printable ASCII"):
        Client("https://agent", token)


@pytest.mark.parametrize("url", ["http://agent:8600", "http://192.168.1.20"])
def test_a_token_does_not_travel_in_clear(url: str) -> None:
    with pytest.raises(DeviceRefusedError, match="would carry the token in clear; give an https:// address"):
        Client(url, "secret")
    for loopback in ("http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", url.replace("http", "https")):
        Client(loopback, "secret").close()


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DeviceRefusedError, match=r"cannot read ca .*none\.pem: No such file"):
        Client("https://agent", ca=tmp_path / "none.pem")
    (tmp_path / "empty.pem").write_text("no certificate")
    with pytest.raises(DeviceRefusedError, match="holds no certificate in PEM format"):
        Client("https://agent", ca=tmp_path / "empty.pem")


def test_what_a_handshake_fails_with_is_not_tried_again(line: Wire, clock: FakeClock) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        cause = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
        cause.reason = "WRONG_VERSION_NUMBER"
        raise httpx.ConnectError("ssl", request=request) from cause

    line.before = {"GET device": [fail] * 5}
    with pytest.raises(DeviceRefusedError, match="does not speak TLS"), Client("https://agent", transport=line) as one:
        one.info()
    assert len(line.sent) == 1


def test_holders_are_told_apart_and_fit() -> None:
    assert name_holder("a study").startswith("a study on ")
    long = name_holder("x\n" * 100)
    assert wire.LeaseRequest(holder=long).holder == long
