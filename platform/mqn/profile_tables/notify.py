"""The part of a runner profile that says whom a study tells what has become of it."""

from __future__ import annotations

import math
import os
import urllib.parse
from dataclasses import dataclass
from typing import Literal

from mqn.net.web_addresses import is_loopback

EventKind = Literal["end", "stall", "failures", "front"]

_MOST_SECONDS = 60.0
_MOST_TRIALS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyProfile:
    """Whom a study tells of itself; without a command and a webhook nobody is told.

    Each event is a small JSON document, told once a study, however many drivers and resumes it has.

    Attributes:
        command: a program with its arguments; it gets the document on its standard input.
        webhook: an address that the document is posted to: https, or plain http on this machine.
        webhook_env: or an environment variable that holds it, for an address is often a secret.
        on: of what is told. `end`: the study ended, or a driver failed. `stall`: its front no longer grows, by the
            space's table `stall`. `failures`: many of the latest trials failed. `front`: a trial joined the front.
        failures_of: so many of the latest trials are looked at.
        failures_share: that share of them or more must have failed.
        timeout_seconds: so long a command or a webhook may take.
    """

    command: tuple[str, ...] = ()
    webhook: str = ""
    webhook_env: str = ""
    on: tuple[EventKind, ...] = ("end", "stall", "failures")
    failures_of: int = 10
    failures_share: float = 0.5
    timeout_seconds: float = 10.0

    def __post_init__(self) -> None:
        """Check the address and the ranges.

        Raises:
            ValueError: a field is wrong.
        """
        if self.command and not self.command[0]:
            raise ValueError("command must begin with a program's name")
        if self.webhook and self.webhook_env:
            raise ValueError("webhook and webhook_env are both set; keep one of them")
        check_webhook(self.webhook)
        if not 1 <= self.failures_of <= _MOST_TRIALS or not 0 < self.failures_share <= 1:
            raise ValueError(f"failures_of must be 1 to {_MOST_TRIALS}, failures_share above 0 and at most 1")
        if not (math.isfinite(self.timeout_seconds) and 0 < self.timeout_seconds <= _MOST_SECONDS):
            raise ValueError(f"timeout_seconds must be above 0 and at most {_MOST_SECONDS:g}")

    @property
    def address(self) -> str:
        """The webhook's; empty: there is none, or its environment variable is not set."""
        return self.webhook or (os.environ.get(self.webhook_env, "") if self.webhook_env else "")

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told of anything."""
        return bool(self.on and (self.command or self.webhook or self.webhook_env))


def check_webhook(url: str) -> None:
    """Check a webhook's address; empty: there is none.

    Raises:
        ValueError: it is no web address, or leads over plain http to another machine. The address is not in the line.
    """
    if not url:
        return
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or not url.isprintable():
        raise ValueError("webhook must be an address that begins with https://, or with http:// on this machine")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("webhook: plain http is for this machine alone, anybody on the way could read it; use https")
