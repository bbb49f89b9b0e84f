"""Who is let in: with and without a token, from this machine, from other sites' pages."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from mqn.dashboard.access import COOKIE, Access, page_policy
from mqn.device.agent.trust.hosts import Hosts

TOKEN = "correct horse battery staple"
PAGE = {"accept": "text/html"}


async def inner(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def ask(app: Access, *requests: tuple[str, str, dict[str, Any]], base: str = "http://127.0.0.1:8050") -> list[Any]:
    async def go() -> list[Any]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            return [await client.request(method, path, **more) for method, path, more in requests]

    return asyncio.run(go())


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Access:
    monkeypatch.setattr("mqn.dashboard.access._PENALTY_SECONDS", 0)
    return Access(inner, policy=page_policy(["'sha256-x'"]), token=TOKEN)


@pytest.fixture
def local() -> Access:
    return Access(inner, policy=page_policy([]), hosts=Hosts(["127.0.0.1"]))


@pytest.mark.parametrize("path", ["/", "/_dash-layout", "/_dash-component-suites/plotly/package_data/plotly.min.js"])
def test_without_the_token_nothing_but_health_is_reachable(closed: Access, path: str) -> None:
    wrong = {"authorization": f"Bearer {TOKEN}x"}
    refused, posted, guessed, health = ask(
        closed, ("GET", path, {}), ("POST", path, {}), ("GET", path, {"headers": wrong}), ("GET", "/health", {})
    )
    assert [refused.status_code, posted.status_code, guessed.status_code] == [401, 401, 401]
    assert refused.json()["error"].startswith("a token is needed")
    assert (health.status_code, health.json()) == (200, {"status": "ok"})


def test_a_bearer_token_lets_in(closed: Access) -> None:
    (found,) = ask(closed, ("GET", "/x", {"headers": {"authorization": f"Bearer {TOKEN}"}}))
    assert (found.status_code, found.text) == (200, "/x")


def test_a_browser_logs_in_once_and_out_again(closed: Access) -> None:
    page, wrong, right, inside, out, after = ask(
        closed,
        ("GET", "/", {"headers": PAGE}),
        ("POST", "/login", {"data": {"token": "no"}}),
        ("POST", "/login", {"data": {"token": TOKEN}}),
        ("GET", "/x", {}),
        ("POST", "/logout", {}),
        ("GET", "/x", {}),
    )
    assert page.status_code == wrong.status_code == 401
    assert 'name="token"' in page.text
    assert "This is not the token." in wrong.text
    assert "set-cookie" not in wrong.headers
    cookie = right.headers["set-cookie"]
    assert right.status_code == 303
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert (inside.status_code, out.status_code, after.status_code) == (200, 303, 401)


def test_the_cookie_travels_over_tls_alone_where_there_is_tls(closed: Access) -> None:
    login = ("POST", "/login", {"data": {"token": TOKEN}})
    (safe,) = ask(closed, login, base="https://lab:8050")
    (plain,) = ask(closed, login, base="http://lab:8050")
    assert "Secure" in safe.headers["set-cookie"]
    assert "Secure" not in plain.headers["set-cookie"]


def test_loopback_answers_to_its_own_names_only(local: Access) -> None:
    own, named, rebound = ask(
        local,
        ("GET", "/x", {}),
        ("GET", "/x", {"headers": {"host": "localhost:8050"}}),
        ("GET", "/x", {"headers": {"host": "evil.example:8050"}}),
    )
    assert (own.status_code, named.status_code, rebound.status_code) == (200, 200, 421)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"},
    ],
)
def test_pages_of_other_sites_read_and_press_nothing(local: Access, headers: dict[str, str]) -> None:
    got, posted = ask(local, ("GET", "/x", {"headers": headers}), ("POST", "/x", {"headers": headers}))
    assert (got.status_code, posted.status_code) == (403, 403)


def test_our_own_page_and_a_link_to_it_are_let_in(local: Access) -> None:
    own = {"origin": "http://127.0.0.1:8050", "sec-fetch-site": "same-origin"}
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    posted, followed = ask(local, ("POST", "/x", {"headers": own}), ("GET", "/x", {"headers": link}))
    assert (posted.status_code, followed.status_code) == (200, 200)


def test_every_answer_carries_the_policy(closed: Access, local: Access) -> None:
    for app in (closed, local):
        for found in ask(app, ("GET", "/", {"headers": PAGE}), ("GET", "/health", {}), ("PUT", "/", {})):
            policy = found.headers["content-security-policy"]
            scripts = next((part for part in policy.split("; ") if part.startswith("script-src")), "")
            assert "default-src 'none'" in policy
            assert "unsafe" not in scripts
            assert found.headers["x-content-type-options"] == "nosniff"


def test_a_body_without_a_length_or_too_large_is_refused(local: Access) -> None:
    found = ask(local, ("POST", "/x", {"content": b"x", "headers": {"content-length": "5000000"}}))
    assert found[0].status_code == 413
