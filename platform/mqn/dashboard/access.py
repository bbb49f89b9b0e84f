"""Who may see the dashboard: everything but `/health` is behind a token where one is set, static files included.

The token comes in `Authorization: Bearer ...`, or once from the login page, which puts a session's name into a cookie.
Requests for another host are refused, and so are those that pages of other sites send: a web page that a browser shows
on this machine must not read or press anything here.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files
from string import Template
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mqn.device.agent.trust.hosts import Hosts
from mqn.look.palette import LIGHT

HEALTH, LOGIN, LOGOUT = "/health", "/login", "/logout"
COOKIE = "mqn_dashboard"
FEWEST_CHARACTERS = 16
"""Of a token: shorter ones can be guessed."""
LARGEST_BODY = 4_000_000
_SESSIONS, _LARGEST_FORM, _PENALTY_SECONDS = 1000, 4096, 0.5

_STYLE = (
    "body{{font:15px/1.5 system-ui,sans-serif;background:{page};color:{ink};display:grid;place-items:center;"
    "min-height:90vh;margin:0}}form{{background:{paper};padding:28px 32px;border-radius:10px;max-width:26rem}}"
    "h1{{font-size:19px;margin:0 0 6px}}p{{color:{muted};margin:0 0 14px}}input,button{{font:inherit;padding:8px 10px;"
    "border:1px solid {faint};border-radius:6px;width:100%;box-sizing:border-box;margin-bottom:10px}}"
    "button{{background:{accent};color:{paper};border:0}}strong{{color:{bad}}}"
).format(**LIGHT)


def page_policy(scripts: Sequence[str]) -> str:
    """The Content-Security-Policy of the dashboard; `scripts` are the hashes of its inline scripts, quoted."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {' '.join(scripts)}".rstrip(),
            "style-src 'self' 'unsafe-inline'",  # plotly and the grid write styles as they draw
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class _Answer(Protocol):
    async def __call__(self, status: int, body: str, kind: str, **more: str) -> None: ...


class Access:
    """Lets requests through to an app, or answers them itself."""

    def __init__(self, app: ASGIApp, *, policy: str, token: str = "", hosts: Hosts | None = None) -> None:
        """Stand before an app.

        Args:
            app: answers those that are let in.
            policy: the Content-Security-Policy of its answers.
            token: what is asked for; empty: nothing is.
            hosts: names that it answers to; None: any, for who asks has the token.
        """
        assert token or hosts is not None, "without a token, pages of other sites could ask"
        self._app, self._policy, self._hosts = app, policy, hosts
        self._token = hashlib.sha256(token.encode()).digest() if token else None
        self._sessions: OrderedDict[bytes, None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        path, method = scope["path"], scope["method"]

        async def answer(status: int, body: str, kind: str, **more: str) -> None:
            await _answer(send, status, body, kind, more, secure=scope.get("scheme") == "https")

        if refusal := self._refuse(method, headers):
            await answer(refusal[0], json.dumps({"error": refusal[1]}), "application/json")
        elif path == HEALTH:
            await answer(200, json.dumps({"status": "ok"}), "application/json")
        elif self._token is not None and path == LOGIN and method == "POST":
            await self._log_in(receive, answer)
        elif not self._knows(headers):
            if "text/html" in headers.get("accept", ""):
                await answer(401, _login_page(""), "text/html")
            else:
                line = "a token is needed: open / in a browser, or send Authorization: Bearer ..."
                await answer(401, json.dumps({"error": line}), "application/json", WWW_Authenticate="Bearer")
        elif path == LOGOUT and method == "POST":
            self._sessions.pop(_session(headers), None)
            await answer(303, "", "text/plain", Location="/", Set_Cookie=f"{COOKIE}=; Path=/; Max-Age=0")
        else:
            await self._app(scope, receive, self._with_policy(send))

    def _refuse(self, method: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Why nobody may ask so, whoever asks: status and line; None: it may be asked."""
        host = headers.get("host", "")
        if self._hosts is not None and not self._hosts.allow(host):
            return 421, self._hosts.refusal(host)
        if method not in ("GET", "HEAD", "POST"):
            return 405, "only GET, HEAD and POST"
        if not _from_here(headers):
            return 403, "pages of other sites are not let in"
        if method == "POST" and not 0 <= _length(headers) <= LARGEST_BODY:
            return 413, f"a body needs its length, of at most {LARGEST_BODY} bytes"
        return None

    def _with_policy(self, send: Send) -> Send:
        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_safe(self._policy)]
            await send(message)

        return observed

    def _knows(self, headers: Mapping[str, str]) -> bool:
        if self._token is None:
            return True
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._fits(given.strip())
        return _session(headers) in self._sessions

    def _fits(self, given: str) -> bool:
        assert self._token is not None
        return hmac.compare_digest(hashlib.sha256(given.encode("utf-8", "replace")).digest(), self._token)

    async def _log_in(self, receive: Receive, answer: _Answer) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if message["type"] != "http.request" or not message.get("more_body") or len(body) > _LARGEST_FORM:
                break
        form = parse_qs(body[:_LARGEST_FORM].decode("utf-8", "replace"))
        if not self._fits(form.get("token", [""])[0].strip()):
            await asyncio.sleep(_PENALTY_SECONDS)
            await answer(401, _login_page("This is not the token."), "text/html")
            return
        session = secrets.token_urlsafe(32)
        self._sessions[hashlib.sha256(session.encode()).digest()] = None
        while len(self._sessions) > _SESSIONS:
            self._sessions.popitem(last=False)
        await answer(303, "", "text/plain", Location="/", Set_Cookie=f"{COOKIE}={session}; Path=/")


def _session(headers: Mapping[str, str]) -> bytes:
    """The hash of the session that a cookie names: what is looked up tells nothing by the time that it takes."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except CookieError:
        return b""
    return hashlib.sha256(jar[COOKIE].value.encode()).digest() if COOKIE in jar else b""


def _from_here(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a page of ours, or from no page: browsers say which page sends it."""
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        # Following a link to the dashboard is all that another site may do.
        return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else -1


def _safe(policy: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]


async def _answer(send: Send, status: int, body: str, kind: str, more: Mapping[str, str], *, secure: bool) -> None:
    style = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'"
    data = body.encode("utf-8", "replace")
    headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-length", str(len(data)).encode()),
        (b"cache-control", b"no-store"),
        *_safe(policy),
    ]
    for name, value in more.items():
        text = f"{value}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}" if name == "Set_Cookie" else value
        headers.append((name.replace("_", "-").lower().encode(), text.encode("latin-1", "replace")))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


def _login_page(trouble: str) -> str:
    text = files("mqn.dashboard").joinpath("login.html").read_text("utf-8")
    return Template(text).substitute(style=_STYLE, trouble=trouble)
