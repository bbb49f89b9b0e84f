from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mqn.device.agent.trust.tokens import Tokens, date, hash_secret
from mqn.errors import ConfigError

DAY = 86_400.0
NOW = 1_800_000_000.0


def write(path: Path, *tokens: dict[str, str]) -> Path:
    path.write_text(json.dumps({"tokens": tokens}))
    return path


def token(name: str, secret: str, issued: float = NOW, expires: float = NOW + DAY) -> dict[str, str]:
    return {"name": name, "sha256": hash_secret(secret), "issued": date(issued), "expires": date(expires)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "tokens.json", token("alice", "a"), token("bob", "b", expires=NOW + 2 * DAY))


def test_each_token_says_whose_it_is(path: Path, clock) -> None:
    clock.now = NOW
    tokens = Tokens(path, "mine", clock=clock)
    assert [tokens.admit(f"Bearer {secret}").client for secret in ("a", "b", "mine")] == ["alice", "bob", "owner"]
    assert tokens.admit("bearer a").client == "alice"


@pytest.mark.parametrize(
    ("given", "reason"),
    [("", "missing"), ("Bearer", "missing"), ("Bearer ", "missing"), ("Basic a", "missing"), ("Bearer c", "wrong"),
     ("Bearer a ", "wrong"), ("Bearer \u20ac", "wrong")],
)  # fmt: skip
def test_others_do_not_come_in(path: Path, given: str, reason: str) -> None:
    entry = Tokens(path).admit(given)
    assert (entry.client, entry.reason) == ("", reason)
    assert entry.line


def test_an_expired_one_is_told_so(path: Path, clock) -> None:
    clock.now = NOW + DAY
    tokens = Tokens(path, clock=clock)
    entry = tokens.admit("Bearer a")
    assert (entry.client, entry.reason) == ("", "expired")
    assert "expired on 2027-01-16T08:00:00+00:00" in entry.line
    assert tokens.admit("Bearer b").client == "bob"


def test_a_clock_that_jumps_shuts_nobody_out_for_good(path: Path, clock) -> None:
    clock.now = NOW
    tokens = Tokens(path, clock=clock)
    clock.now = NOW + 1000 * DAY
    assert tokens.admit("Bearer a").reason == "expired"
    clock.now = NOW + 1
    assert tokens.admit("Bearer a").client == "alice"


def test_a_board_that_wakes_up_in_1970_lets_nobody_in_whose_time_was_over(tmp_path: Path, clock) -> None:
    old = token("old", "o", issued=NOW - 100 * DAY, expires=NOW - DAY)
    tokens = Tokens(write(tmp_path / "tokens.json", old, token("new", "n")), clock=clock)
    clock.now = 0.0
    assert tokens.admit("Bearer o").reason == "expired"
    assert tokens.admit("Bearer n").client == "new"


def test_a_changed_file_counts_at_once(path: Path, clock) -> None:
    clock.now = NOW
    tokens = Tokens(path, "mine", clock=clock)
    write(path, token("carol", "c"))
    assert tokens.admit("Bearer c").client == "carol"
    assert tokens.admit("Bearer a").reason == "wrong"
    path.write_text("{")
    os.utime(path, (0, 0))
    assert tokens.admit("Bearer c").reason == "wrong"
    assert tokens.trouble
    assert tokens.admit("Bearer mine").client == "owner"
    path.unlink()
    assert tokens.admit("Bearer c").reason == "wrong"


def test_a_token_is_needed_once_there_was_one(tmp_path: Path) -> None:
    assert not Tokens().required
    assert not Tokens(tmp_path / "tokens.json").required
    assert Tokens(owner_secret="a").required
    assert Tokens(write(tmp_path / "tokens.json")).required


@pytest.mark.parametrize("content", ["{", '{"tokens": [{"name": "a"}]}', '{"tokens": [{"name": "a", "sha256": "b", '
    '"expires": "2027-01-01"}]}'])  # fmt: skip
def test_a_damaged_file_is_told_at_the_start(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokens.json").write_text(content)
    with pytest.raises(ConfigError, match=r"tokens\.json"):
        Tokens(tmp_path / "tokens.json")
