from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx
import pytest

from mqn.device import wire
from mqn.device.agent.app import build_app
from mqn.device.agent.jobs import Jobs
from mqn.device.agent.store import Store
from mqn.parsing import from_mapping, to_plain
from mqn.records import DeviceInfo

MODEL = b"a model"
HASH = hashlib.sha256(MODEL).hexdigest()
JOB = {"files": [{"part": "model", "sha256": HASH}], "settings": {"runs": 3}}
LIMIT = 100


@pytest.fixture
def agent(connect, store: Store, jobs: Jobs, info: DeviceInfo) -> httpx.Client:
    return connect(build_app(store, jobs, info, max_model_bytes=LIMIT))


@pytest.fixture
def loaded(agent: httpx.Client) -> httpx.Client:
    assert agent.put(f"/v1/models/{HASH}", content=MODEL).status_code == 201
    return agent


def test_a_model_is_there_once_it_was_put(agent: httpx.Client) -> None:
    path = f"/v1/models/{HASH}"
    assert agent.head(path).status_code == 404
    assert agent.put(path, content=MODEL).status_code == 201
    assert agent.head(path).status_code == 200
    assert agent.put(path, content=MODEL).status_code == 200


def test_wrong_bytes_are_422(agent: httpx.Client) -> None:
    answer = agent.put(f"/v1/models/{HASH}", content=b"other")
    assert answer.status_code == 422
    assert HASH in answer.json()["error"]
    assert agent.head(f"/v1/models/{HASH}").status_code == 404


@pytest.mark.parametrize("name", ["x", "A" * 64, "a" * 65, "%2e%2e", "a" * 64 + "%0a"])
def test_other_names_are_422(agent: httpx.Client, name: str) -> None:
    assert agent.put(f"/v1/models/{name}", content=MODEL).status_code == 422


def chunked() -> Iterator[bytes]:
    for _ in range(3):
        yield b"x" * (LIMIT // 2)


@pytest.mark.parametrize("body", [b"x" * (LIMIT + 1), chunked()], ids=["declared", "chunked"])
def test_too_large_a_model_is_413(agent: httpx.Client, body) -> None:
    answer = agent.put(f"/v1/models/{HASH}", content=body)
    assert answer.status_code == 413
    assert "at most 100 bytes" in answer.json()["error"]


def test_a_job_runs_and_its_measurement_comes_back(loaded: httpx.Client, bench) -> None:
    queued = loaded.post("/v1/jobs", json=JOB)
    assert queued.status_code == 202
    path = f"/v1/jobs/{queued.json()['id']}"
    while (plain := loaded.get(path, params={"wait": 5}).json())["state"] != "done":
        pass
    assert from_mapping(wire.JobStatus, plain, source="agent").measurement == bench.answer
    assert bench.calls[0][1].runs == 3


def test_a_job_without_its_model_is_404(agent: httpx.Client) -> None:
    answer = agent.post("/v1/jobs", json=JOB)
    assert answer.status_code == 404
    assert HASH in answer.json()["error"]


def test_a_full_queue_is_409(loaded: httpx.Client, bench) -> None:
    bench.held = True
    loaded.post("/v1/jobs", json=JOB)
    assert bench.entered.wait(5)
    answers = [loaded.post("/v1/jobs", json=JOB) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 409]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_key_gives_the_same_job(loaded: httpx.Client) -> None:
    headers = {wire.IDEMPOTENCY_HEADER: "key"}
    first, again = (loaded.post("/v1/jobs", json=JOB, headers=headers).json()["id"] for _ in range(2))
    assert first == again
    assert loaded.post("/v1/jobs", json={**JOB, "settings": {}}, headers=headers).status_code == 422
    assert loaded.post("/v1/jobs", json=JOB, headers={wire.IDEMPOTENCY_HEADER: "k" * 200}).status_code == 422


def test_cancelling(loaded: httpx.Client, bench) -> None:
    bench.held = True
    path = f"/v1/jobs/{loaded.post('/v1/jobs', json=JOB).json()['id']}"
    assert loaded.delete(path).json()["state"] == "cancelled"
    assert loaded.get(path).json() == {"id": path.rsplit("/", 1)[1], "state": "cancelled", "measurement": None}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"[" * 50_000, "not valid JSON"),
        (b"[]", "must be a table"),
        (b'{"files": [], "other": 1}', "unknown key 'other'"),
        (b'{"files": []}', "must be ['model']"),
        (b'{"files": [{"part": "model", "sha256": "x"}]}', "64 lower-case"),
    ],
)
def test_jobs_that_cannot_be_are_422(agent: httpx.Client, body: bytes, words: str) -> None:
    answer = agent.post("/v1/jobs", content=body)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_too_large_a_job_is_413(agent: httpx.Client) -> None:
    assert agent.post("/v1/jobs", content=b" " * (wire.MAX_JOB_BYTES + 1)).status_code == 413


@pytest.mark.parametrize("wait", ["-1", "31", "nan", "long"])
def test_waits_that_cannot_be_are_422(agent: httpx.Client, wait: str) -> None:
    assert agent.get("/v1/jobs/x", params={"wait": wait}).status_code == 422


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_unknown_jobs_are_404(agent: httpx.Client, method: str) -> None:
    answer = agent.request(method, "/v1/jobs/x")
    assert answer.status_code == 404
    assert "no such job" in answer.json()["error"]


def test_other_paths_and_methods_are_told_in_json_too(agent: httpx.Client) -> None:
    assert agent.get("/nothing").json() == {"error": "Not Found"}
    assert agent.post("/v1/device").json() == {"error": "Method Not Allowed"}


def test_the_device_says_who_it_is(agent: httpx.Client, info: DeviceInfo) -> None:
    assert agent.get("/v1/device").json() == to_plain(info)


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Bearer ", "Basic secret", "secret", "Bearer sécret"])
def test_without_the_token_everything_but_health_is_401(
    connect, store: Store, jobs: Jobs, info: DeviceInfo, given: str | None
) -> None:
    agent = connect(build_app(store, jobs, info, token="secret"))
    headers = {} if given is None else {"Authorization": given.encode()}
    for method, path in (
        ("GET", "/v1/device"),
        ("PUT", f"/v1/models/{HASH}"),
        ("POST", "/v1/jobs"),
        ("GET", "/v1/jobs/x"),
        ("DELETE", "/v1/jobs/x"),
        ("GET", "/nothing"),
    ):
        answer = agent.request(method, path, headers=headers)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert agent.get("/v1/health", headers=headers).json() == {"status": "ok"}


def test_with_the_token_everything_is_open(connect, store: Store, jobs: Jobs, info: DeviceInfo) -> None:
    agent = connect(build_app(store, jobs, info, token="secret"), headers={"Authorization": "Bearer secret"})
    assert agent.get("/v1/device").status_code == 200
