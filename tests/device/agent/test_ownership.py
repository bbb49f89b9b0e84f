"""Leases, jobs, turns and results belong to the token that they were asked for with, whatever a holder calls itself."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from mqn.device import wire
from mqn.device.agent.http.app import build_app
from mqn.device.agent.http.parts import AgentParts
from mqn.device.agent.queue.database import QueueDatabase
from mqn.device.agent.queue.leases import Leases
from mqn.device.agent.queue.refusals import FullQueueError, NotHeldError
from mqn.device.agent.trust.tokens import OWNER, Tokens, hash_secret
from mqn.errors import ConfigError

MODEL = b"a model"
HASH = hashlib.sha256(MODEL).hexdigest()
JOB = {"files": [{"part": "model", "sha256": HASH}], "settings": {"runs": 3}}


def write_tokens(path: Path, *names: str) -> Path:
    path.write_text(json.dumps({"tokens": [{"name": name, "sha256": hash_secret(name)} for name in names]}))
    return path


@pytest.fixture
def enter(connect, parts: AgentParts, tmp_path: Path) -> Callable[[str], httpx.Client]:
    """Makes a client with the token of a name."""
    tokens = Tokens(write_tokens(tmp_path / "tokens.json", "mine", "stranger"))
    app = build_app(dataclasses.replace(parts, tokens=tokens))

    def connect_as(name: str) -> httpx.Client:
        client = connect(app)
        client.headers["Authorization"] = f"Bearer {name}"
        return client

    return connect_as


def lend(client: httpx.Client, holder: str = "study", ttl: float = 60.0) -> str:
    return client.post("/v1/leases", json={"holder": holder, "ttl_seconds": ttl}).json()["id"]


def test_a_stranger_with_a_token_of_its_own_gets_nothing_of_mine(enter, bench, leases: Leases) -> None:
    mine, stranger = enter("mine"), enter("stranger")
    mine.put(f"/v1/models/{HASH}", content=MODEL)
    lease = lend(mine)
    bench.held = True
    job = mine.post("/v1/jobs", json=JOB, headers={"Lease": lease}).json()["id"]
    assert bench.entered.wait(5)
    for method, path in (
        ("GET", f"/v1/leases/{lease}"),
        ("PUT", f"/v1/leases/{lease}"),
        ("DELETE", f"/v1/leases/{lease}"),
        ("GET", f"/v1/jobs/{job}"),
        ("DELETE", f"/v1/jobs/{job}"),
    ):
        answer = stranger.request(method, path)
        assert (answer.status_code, answer.json()["error"].split(";")[0][:8]) == (404, "no such ")
    refused = stranger.post("/v1/jobs", json=JOB, headers={"Lease": lease})
    assert (refused.status_code, refused.json()["error"][:8]) == (409, "no lease")
    assert mine.get(f"/v1/leases/{lease}").json()["state"] == "held"
    assert mine.get(f"/v1/jobs/{job}").json()["state"] == "running"
    bench.let_go.set()
    while mine.get(f"/v1/jobs/{job}", params={"wait": 5}).json()["state"] != "done":
        pass
    assert stranger.get(f"/v1/jobs/{job}").status_code == 404


def test_a_strangers_requests_are_no_sign_of_life(enter, leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, stranger = enter("mine"), enter("stranger")
    lease = lend(mine)
    attended: list[str] = []
    attend = leases.attend
    monkeypatch.setattr(leases, "attend", lambda lease_id: (attended.append(lease_id), attend(lease_id))[1])
    stranger.get("/v1/state", headers={"Lease": lease})
    stranger.put(f"/v1/leases/{lease}")
    assert lease not in attended
    mine.get("/v1/state", headers={"Lease": lease})
    assert lease in attended


@pytest.fixture
def roomy(database: QueueDatabase) -> Iterator[Leases]:
    with contextlib.closing(Leases(database)) as leases:
        yield leases


def test_a_strangers_same_holder_takes_no_turn_and_no_place_of_mine(roomy: Leases) -> None:
    def ask(client: str, holder: str = "study") -> wire.Lease:
        return roomy.request(wire.LeaseRequest(holder=holder), client)

    first = ask("mine")
    strangers = [ask("stranger") for _ in range(8)]
    with pytest.raises(FullQueueError, match="8 leases of 'study'"):
        ask("stranger")
    mine = ask("mine")
    # Had the stranger's leases been mine by name, nine would be ahead; tokens take turns.
    roomy.end(first.id)
    assert roomy.status(strangers[0].id).state == "held"
    roomy.end(strangers[0].id)
    assert roomy.status(mine.id).state == "held"


def test_a_token_fills_no_queue_with_many_names(roomy: Leases) -> None:
    def ask(client: str, number: int) -> wire.Lease:
        return roomy.request(wire.LeaseRequest(holder=f"study {number}"), client)

    ask("stranger", 0)
    for number in range(24):
        ask("stranger", number)
    with pytest.raises(FullQueueError, match="24 leases of your token"):
        ask("stranger", 99)
    mine = ask("mine", 1)
    assert mine.ahead == 1


def test_a_lease_is_used_with_its_own_token(leases: Leases) -> None:
    lease = leases.request(wire.LeaseRequest(holder="study"), "mine")
    leases.check_held(lease.id, "mine")
    with pytest.raises(NotHeldError, match="no lease"):
        leases.check_held(lease.id, "stranger")
    with pytest.raises(NotHeldError, match="no lease"):
        leases.check_held(lease.id)


@pytest.mark.parametrize("names", [("board", "board"), ("board", OWNER)])
def test_a_name_is_one_tokens(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="another token's as well"):
        Tokens(write_tokens(tmp_path / "tokens.json", *names))
