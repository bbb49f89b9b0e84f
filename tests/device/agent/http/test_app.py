from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from starlette.routing import Route

from mqn.device import wire
from mqn.device.agent.http.app import build_app
from mqn.device.agent.http.parts import AgentParts
from mqn.device.agent.http.routes import OPERATIONS
from mqn.device.agent.trust.tokens import Tokens
from mqn.errors import DeviceAwayError
from mqn.parsing import from_mapping, to_plain
from mqn.records import DeviceInfo, MachineState

MODEL = b"a model"
HASH = hashlib.sha256(MODEL).hexdigest()
JOB = {"files": [{"part": "model", "sha256": HASH}], "settings": {"runs": 3}}
LIMIT = 100


@pytest.fixture
def agent(connect, parts: AgentParts) -> httpx.Client:
    return connect(build_app(parts))


@pytest.fixture
def loaded(agent: httpx.Client) -> httpx.Client:
    """A client whose model is there, and whose lease is held."""
    assert agent.put(f"/v1/models/{HASH}", content=MODEL).status_code == 201
    lease = agent.post("/v1/leases", json={"holder": "study"}).json()
    assert lease["state"] == "held"
    agent.headers["Lease"] = lease["id"]
    return agent


def finish(agent: httpx.Client, path: str) -> dict:
    while (plain := agent.get(path, params={"wait": 5}).json())["state"] not in ("done", "cancelled"):
        pass
    return plain


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


def test_more_uploads_than_may_come_at_once_are_429(connect, parts: AgentParts) -> None:
    agent = connect(build_app(dataclasses.replace(parts, max_uploads=0)))
    answer = agent.put(f"/v1/models/{HASH}", content=MODEL)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_a_job_runs_and_its_measurement_comes_back(loaded: httpx.Client, bench) -> None:
    queued = loaded.post("/v1/jobs", json=JOB)
    assert queued.status_code == 202
    plain = finish(loaded, f"/v1/jobs/{queued.json()['id']}")
    assert from_mapping(wire.JobStatus, plain, source="agent").measurement == bench.answer
    assert bench.jobs[0].request.settings.runs == 3


def test_a_job_without_its_model_is_404(loaded: httpx.Client) -> None:
    answer = loaded.post("/v1/jobs", json={"files": [{"part": "model", "sha256": "0" * 64}]})
    assert answer.status_code == 404
    assert "0" * 64 in answer.json()["error"]


def test_a_job_without_a_held_lease_is_409_and_not_to_be_tried_again(loaded: httpx.Client) -> None:
    waiting = loaded.post("/v1/leases", json={"holder": "other"}).json()["id"]
    for lease, words in (("", "needs a lease"), ("x", "no lease"), (waiting, "waits for its turn")):
        answer = loaded.post("/v1/jobs", json=JOB, headers={"Lease": lease})
        assert answer.status_code == 409
        assert words in answer.json()["error"]
        assert "Retry-After" not in answer.headers


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
    assert loaded.get(path).json()["state"] == "cancelled"


def test_a_lease_is_asked_for_kept_alive_and_given_back(agent: httpx.Client) -> None:
    headers = {wire.IDEMPOTENCY_HEADER: "key"}
    first = agent.post("/v1/leases", json={"holder": "a"}, headers=headers)
    assert first.status_code == 201
    assert agent.post("/v1/leases", json={"holder": "a"}, headers=headers).json() == first.json()
    second = agent.post("/v1/leases", json={"holder": "b", "ttl_seconds": 5}).json()
    assert (second["state"], second["ahead"]) == ("waiting", 1)
    path = f"/v1/leases/{first.json()['id']}"
    assert agent.put(path).json()["state"] == "held"
    assert agent.delete(path).json()["state"] == "ended"
    assert agent.put(path).json()["state"] == "ended"
    # One that waits no more is told at once, whenever it was granted.
    assert agent.get(f"/v1/leases/{second['id']}", params={"wait": 30}).json()["state"] == "held"
    assert agent.get(path, params={"wait": 30}).json()["state"] == "ended"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_leases_are_404(agent: httpx.Client, method: str) -> None:
    answer = agent.request(method, "/v1/leases/x")
    assert answer.status_code == 404
    assert "no such lease" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}", "'holder' is missing"),
        (b'{"holder": ""}', "1 to 128 printable"),
        (b'{"holder": "\\ud800"}', "1 to 128 printable"),
        (b'{"holder": "a", "ttl_seconds": 0}', "between 1 and 600"),
        (b'{"holder": "a", "ttl_seconds": NaN}', "not valid JSON"),
        (b'{"holder": "a", "ttl_seconds": 1' + b"0" * 400 + b"}", "ttl_seconds must be a number"),
    ],
)
def test_leases_that_cannot_be_are_422(agent: httpx.Client, body: bytes, words: str) -> None:
    answer = agent.post("/v1/leases", content=body)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


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
        (b'{"files": [], "kind": "\\ud800"}', "kind"),
        (b'{"files": [], "settings": {"seconds": NaN}}', "not valid JSON"),
    ],
)
def test_jobs_that_cannot_be_are_422(agent: httpx.Client, body: bytes, words: str) -> None:
    answer = agent.post("/v1/jobs", content=body)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_too_large_a_job_is_413(agent: httpx.Client) -> None:
    assert agent.post("/v1/jobs", content=b" " * (wire.MAX_JOB_BYTES + 1)).status_code == 413


@pytest.mark.parametrize("wait", ["-1", "31", "nan", "long"])
@pytest.mark.parametrize("path", ["/v1/jobs/x", "/v1/leases/x"])
def test_waits_that_cannot_be_are_422(agent: httpx.Client, path: str, wait: str) -> None:
    assert agent.get(path, params={"wait": wait}).status_code == 422


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_unknown_jobs_are_404(agent: httpx.Client, method: str) -> None:
    answer = agent.request(method, "/v1/jobs/x")
    assert answer.status_code == 404
    assert "no such job" in answer.json()["error"]


def test_other_paths_and_methods_are_told_in_json_too(agent: httpx.Client) -> None:
    assert agent.get("/nothing").json() == {"error": "Not Found"}
    assert agent.get("/v1/device/").json() == {"error": "Not Found"}
    assert agent.post("/v1/device").json() == {"error": "Method Not Allowed"}


def test_the_device_says_who_and_how_it_is(agent: httpx.Client, backend, info: DeviceInfo) -> None:
    assert agent.get("/v1/device").json() == to_plain(info)
    first, second = (from_mapping(MachineState, agent.get("/v1/state").json(), source="agent") for _ in range(2))
    assert first == second == backend.state()
    assert backend.readings == 2  # one of ours, and one for both requests


def test_a_device_that_is_away_is_503_until_it_is_back(agent: httpx.Client, backend, info: DeviceInfo) -> None:
    backend.away = DeviceAwayError("the phone is unplugged")
    for path in ("/v1/device", "/v1/state"):
        answer = agent.get(path)
        assert (answer.status_code, answer.json()) == (503, {"error": "the phone is unplugged"})
        assert int(answer.headers["Retry-After"]) > 0
    backend.away = None
    assert agent.get("/v1/device").json() == to_plain(info)


def test_what_happened_is_counted_and_logged(loaded: httpx.Client, tmp_path: Path) -> None:
    loaded.get("/v1/state")
    finish(loaded, f"/v1/jobs/{loaded.post('/v1/jobs', json=JOB).json()['id']}")
    text = loaded.get("/v1/metrics").text
    for sample in (
        'mqn_uploads_total{outcome="taken"} 1.0',
        f"mqn_upload_bytes_total {len(MODEL)}.0",
        'mqn_jobs{state="queued"} 0.0',
        'mqn_leases{state="held"} 1.0',
        "mqn_store_models 1.0",
        "mqn_temperature_celsius 40.0",
    ):
        assert f"\n{sample}\n" in text
    logged = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [(line["method"], line["status"]) for line in logged] == [("PUT", 201), ("POST", 201), ("POST", 202)]


def test_the_document_describes_every_route(agent: httpx.Client, parts: AgentParts) -> None:
    described = agent.get("/v1/openapi.json").json()
    methods = {(path, method) for path, item in described["paths"].items() for method in item}
    assert methods == {(operation.path, operation.method.lower()) for operation in OPERATIONS}
    assert methods == {
        (route.path, method.lower())
        for route in build_app(parts).routes
        if isinstance(route, Route)
        for method in route.methods - ({"HEAD"} if "GET" in route.methods else set())
    }


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Bearer ", "Basic secret", "secret", "Bearer sécret"])
def test_without_the_token_everything_but_health_is_401(connect, parts: AgentParts, given: str | None) -> None:
    agent = connect(build_app(dataclasses.replace(parts, tokens=Tokens(owner_secret="secret"))))
    headers = {} if given is None else {"Authorization": given.encode()}
    asked = [(operation.method, operation.path.format(sha256=HASH, id="x")) for operation in OPERATIONS]
    for method, path in [*asked, ("GET", "/nothing"), ("OPTIONS", "/v1/jobs")]:
        answer = agent.request(method, path, headers=headers)
        if path == wire.HEALTH:
            assert answer.json() == {"status": "ok"}
        else:
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_without_tokens_pages_in_a_browser_are_kept_out(agent: httpx.Client) -> None:
    answer = agent.post("/v1/leases", json={"holder": "page"}, headers={"Origin": "https://elsewhere"})
    assert answer.status_code == 401
    assert "pages in a browser" in answer.json()["error"]


def test_with_the_token_everything_is_open_and_its_owner_is_logged(connect, parts: AgentParts, tmp_path: Path) -> None:
    app = build_app(dataclasses.replace(parts, tokens=Tokens(owner_secret="s3cr3t")))
    agent = connect(app, headers={"Authorization": "Bearer s3cr3t"})
    assert agent.get("/v1/device").status_code == 200
    agent.post("/v1/leases", json={"holder": "a"})
    logged = (tmp_path / "audit.jsonl").read_text()
    assert json.loads(logged)["client"] == "owner"
    assert "s3cr3t" not in logged


def test_whoever_asks_a_device_that_is_slow_waits_for_the_same_answer(parts: AgentParts, info: DeviceInfo) -> None:
    asked, go = [], threading.Event()

    def describe() -> DeviceInfo:
        asked.append(1)
        assert go.wait(10)
        return info

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(
            app=build_app(dataclasses.replace(parts, driver=SimpleNamespace(info=describe)))
        )
        async with httpx.AsyncClient(transport=transport, base_url="http://agent") as http:
            questions = [asyncio.ensure_future(http.get(wire.DEVICE)) for _ in range(20)]
            while not asked:
                await asyncio.sleep(0.01)
            go.set()
            first = [answer.status_code for answer in await asyncio.gather(*questions)]
            return [*first, (await http.get(wire.DEVICE)).status_code]

    assert asyncio.run(ask()) == [200] * 21
    assert len(asked) == 2
