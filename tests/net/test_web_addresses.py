"""Addresses: HTTPS, or a hash; never from a safe way to a less safe one."""

from __future__ import annotations

import httpx
import pytest

from mqn.errors import FetchError
from mqn.net.web_addresses import check_redirect, require_address, require_listed


@pytest.mark.parametrize(
    "url", ["https://x.org/a.zip", "http://127.0.0.1:80/a", "http://localhost/a", "http://[::1]:8/a"]
)
def test_https_and_this_machine_are_asked(url: str) -> None:
    require_address(url)


def test_plain_http_needs_a_hash() -> None:
    with pytest.raises(FetchError, match="plain http without a SHA-256"):
        require_address("http://x.org/a.zip")
    require_address("http://x.org/a.zip", hashed=True)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://x.org/a", "//x.org/a", "a.zip", "", "https://", "https:///a", "https://[x/a", "https://x.org:port/a",
        "javascript:alert(1)", "data:,x", "gopher://x.org/", "https://x.org/a\x00b", "https://x.org/" + "a" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_one_line(url: str) -> None:
    with pytest.raises(FetchError, match="is no web address") as told:
        require_address(url, hashed=True)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 300


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(FetchError, match="carries a user name or password") as told:
        require_address("https://somebody:secret@x.org/a.zip")
    assert "secret" not in str(told.value)


def test_a_listing_of_the_network_does_not_lead_to_this_machine() -> None:
    with pytest.raises(FetchError, match="must not lead to a server on this machine"):
        require_listed("http://127.0.0.1:8080/admin.hdr", "https://x.org/list.html")
    require_listed("http://127.0.0.1:8080/a.hdr", "http://localhost:8080/list.html")
    require_listed("https://y.org/a.hdr", "https://x.org/list.html")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("https://x.org/a", "http://x.org/a"), ("https://x.org/a", "http://127.0.0.1/a"), ("https://x.org/a", "https://localhost/a"),
        ("http://127.0.0.1/a", "http://x.org/a"), ("http://x.org/a", "http://127.0.0.1/a"), ("https://x.org/a", "file:///etc/passwd"),
        ("https://x.org/a", "https://me:secret@x.org/a"),
    ],
)  # fmt: skip
def test_a_redirect_to_a_less_safe_place_is_not_followed(before: str, after: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"location": after}) if len(asked) == 1 else httpx.Response(200)

    hooks = {"response": [check_redirect]}
    http = httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True, event_hooks=hooks)
    with http, pytest.raises(FetchError) as told:
        http.get(before)
    assert asked == [before]
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("after", ["https://y.org/a", "/b", "https://x.org/c"])
def test_a_redirect_to_https_is_followed(after: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": after}) if request.url.path == "/first" else httpx.Response(200)

    hooks = {"response": [check_redirect]}
    with httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True, event_hooks=hooks) as http:
        assert http.get("https://x.org/first").status_code == 200
