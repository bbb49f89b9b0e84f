"""Requests to one agent, sent again until they are answered; every failure becomes one of our errors.

`DeviceAwayError` is worth another try, `DeviceRefusedError` is not.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx

from mqn import faults
from mqn.device import tls, wire
from mqn.errors import ConfigError, DeviceAwayError, DeviceRefusedError
from mqn.parsing import from_mapping
from mqn.text.terminal import printable

T = TypeVar("T")

TIMEOUT = httpx.Timeout(connect=5.0, read=30.0, write=30.0, pool=5.0)
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
# Before an agent has answered once, a wrong address is likelier than a cut: no reason to wait long.
CONTACT_SECONDS = 4.0
# Longer than a lease lives without a sign of life: only then is it certain what became of a job.
PATIENCE_SECONDS = 90.0
LEAVE_SECONDS = 2.0

# What passes by itself: a body that got stuck, too much at once, a gateway without its agent.
_PASSING = frozenset({408, 429, 502, 504})
# The agent is well, and its device away or its disk full: others should know soon.
_DEVICE_AWAY, _FULL_DISK = 503, 507
# Of a text in an answer, in characters: an honest one takes a line or two.
LONGEST_TEXT = 2000


class Connection:
    """Requests to one agent; may be used from several threads."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        ca: Path | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        contact_seconds: float = CONTACT_SECONDS,
        pauses_seconds: Sequence[float] = PAUSES_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Remember whom to speak to; nothing is sent yet.

        Args:
            url: the agent's address, for example `https://192.168.1.20:8765`.
            token: what it wants to be shown.
            ca: certificate that the agent's own is signed by; None: the system's.
            patience_seconds: how long an agent that answered before may be out of reach.
            contact_seconds: likewise one that has not.
            pauses_seconds: between tries; the last one stays.
            transport: another way to the agent, for tests.

        Raises:
            DeviceRefusedError: the address or the token is not valid, the token would travel in clear, or the
                certificate cannot be read.
        """
        self.url = url.rstrip("/")
        self._patience_seconds, self._contact_seconds = patience_seconds, contact_seconds
        self._pauses_seconds = tuple(pauses_seconds)
        self._answered = False
        secure, self.port = check_address(self.url, token)
        # A device is spoken to directly: a proxy of the environment would hold connections and delay answers.
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=TIMEOUT,
            trust_env=False,
            transport=transport,
            verify=tls.trust(ca) if secure and transport is None else False,
        )

    def close(self) -> None:
        """Close what is open."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Callable[[], Iterator[bytes]] | None = None,
        allow: tuple[int, ...] = (),
        **options: Any,
    ) -> httpx.Response:
        """Send what may be sent twice, again until it is answered.

        Args:
            method: of HTTP.
            path: on the agent.
            body: makes the body anew for every try.
            allow: refusals that the caller understands.
            options: of httpx.

        Raises:
            DeviceAwayError: no answer within the patience, or the device's disk is full.
            DeviceRefusedError: the agent says no, or what answers is no agent that may be trusted.
        """
        began, reason = time.monotonic(), "no answer"
        pauses = itertools.chain(self._pauses_seconds, itertools.repeat(self._pauses_seconds[-1]))
        for pause in pauses:
            wait = pause
            try:
                response = self._http.request(method, path, content=None if body is None else body(), **options)
            except httpx.TransportError as error:
                tls.check(error, self._http.base_url, answered=self._answered)
                reason = faults.line_of(error)
            except httpx.DecodingError as error:
                raise DeviceRefusedError(
                    f"{self.url} answers in a way not understood here ({faults.line_of(error)})"
                ) from error
            else:
                self._answered = True
                if response.is_success or response.status_code in allow:
                    return response
                if response.status_code not in _PASSING:
                    raise self._refusal(response)
                reason = f"{line_of(response)} ({response.status_code})"
                wait = max(pause, retry_after(response, 0.0))
            patience = self._patience_seconds if self._answered else self._contact_seconds
            if time.monotonic() - began + wait > patience:
                break
            time.sleep(wait)
        if self._answered:
            seconds = time.monotonic() - began
            raise DeviceAwayError(f"the agent at {self.url} has not answered for {seconds:.0f} s ({reason})")
        raise DeviceAwayError(f"no agent answers at {self.url} ({reason}); start one with: {self._advice()}")

    def read(self, cls: type[T], response: httpx.Response) -> T:
        """Read the record that an answer holds; a `DeviceRefusedError` where it holds none."""
        try:
            return from_mapping(cls, plain_texts(response.json()), source=self.url)
        except (ValueError, ConfigError) as error:
            raise DeviceRefusedError(
                f"{self.url} answers in a way not understood here ({error}); is it an mqn agent of the same version?"
            ) from error

    def tell(self, method: str, path: str) -> bool:
        """Send something once that is not worth waiting for; returns whether it was answered well."""
        with contextlib.suppress(httpx.HTTPError):
            return self._http.request(method, path, timeout=LEAVE_SECONDS).is_success
        return False

    def _advice(self) -> str:
        return f"mqn agent serve --port {self.port}"

    def _refusal(self, response: httpx.Response) -> DeviceAwayError | DeviceRefusedError:
        line, status = line_of(response), response.status_code
        if status == _DEVICE_AWAY:
            return DeviceAwayError(f"the agent at {self.url} is there, its device is not: {line}")
        if status == _FULL_DISK:
            return DeviceAwayError(f"the disk of the device at {self.url} is full: {line}; make room there")
        advice = "; check token_env or token_file in the profile" if status == 401 else ""
        return DeviceRefusedError(f"the agent at {self.url} refuses: {line} ({status}){advice}")


def plain_texts(value: Any) -> Any:
    """The texts of an answer, each as one line of some length that a terminal shows: another machine wrote them."""
    if isinstance(value, str):
        return printable(value[:LONGEST_TEXT]).replace("\n", "\\n")
    if isinstance(value, dict):
        return {key: plain_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_texts(item) for item in value]
    return value


def retry_after(response: httpx.Response, default: float = 1.0) -> float:
    """How many seconds an agent wants to be left alone, in bounds."""
    value = response.headers.get("Retry-After", "")
    return min(30.0, max(0.1, float(value))) if value.isascii() and value.isdigit() else default


def line_of(response: httpx.Response) -> str:
    """The one line that a refusal comes with."""
    try:
        return " ".join(str(response.json()["error"]).split())[:300]
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase or "no reason given"


def check_address(url: str, token: str | None) -> tuple[bool, int]:
    """See whom an address names, and whether a token may be shown there.

    Args:
        url: of an agent.
        token: what it is shown, if anything.

    Returns:
        Whether it is spoken to over TLS, and its port.

    Raises:
        DeviceRefusedError: the address or the token is not valid, or the token would travel in clear.
    """
    try:
        parsed = httpx.URL(url)
        parsed.host.encode("idna")  # As the resolver will.
    except (httpx.InvalidURL, UnicodeError):
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise DeviceRefusedError(f"{url!r} is no agent's address; give one like https://192.168.1.20:8765")
    if token is not None and not (token.isascii() and token.isprintable() and token.strip() == token and token):
        raise DeviceRefusedError(f"the token for {url} must be one line of printable ASCII characters")
    secure = parsed.scheme == "https"
    if token and not secure and not wire.is_loopback(parsed.host):
        raise DeviceRefusedError(
            f"{url} would carry the token in clear; give an https:// address; `mqn agent init` makes the certificate"
        )
    return secure, parsed.port or (443 if secure else 80)
