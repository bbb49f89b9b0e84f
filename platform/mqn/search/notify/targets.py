"""Who is told: a program on this machine, a webhook. Each answers why it was not told, in words that repeat."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import urllib.parse
from collections.abc import Sequence
from typing import Protocol

from mqn.distribution import __version__
from mqn.net.web_addresses import is_loopback
from mqn.profile_tables.notify import NotifyProfile, check_webhook
from mqn.text.redaction import shortened

_CHARACTERS = 120


class Target(Protocol):
    """Somebody who is told."""

    name: str

    def send(self, document: bytes) -> str:
        """Tell it. Returns why it was not told; empty where it was."""

    def stop(self) -> None:
        """Give up what is on its way, from another thread: this process is about to end."""


class Command:
    """A program that gets the document on its standard input. What it prints goes nowhere."""

    name = "command"

    def __init__(self, words: Sequence[str], seconds: float) -> None:
        """Remember the program; it is killed with all that it started when it takes longer than `seconds`."""
        self._words, self._seconds = list(words), seconds
        self._process: subprocess.Popen[bytes] | None = None

    def send(self, document: bytes) -> str:
        """See `Target`."""
        quiet = subprocess.DEVNULL
        try:
            # A session of its own: Ctrl-C in the driver's terminal is not meant for it, and it ends as one.
            process = subprocess.Popen(
                self._words, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True
            )
        except (OSError, ValueError) as error:
            return f"cannot be started ({getattr(error, 'strerror', None) or 'not a program'})"
        self._process = process
        with process:
            try:
                process.communicate(document, timeout=self._seconds)
            except subprocess.TimeoutExpired:
                self.stop()
                return f"did not end within {self._seconds:g} s"
        return f"ended with code {process.returncode}" if process.returncode else ""

    def stop(self) -> None:
        """See `Target`: the program is killed with all that it started."""
        process = self._process
        if process is not None and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class Webhook:
    """A server that the document is posted to. Only the code of its answer is read, and no redirect is followed."""

    name = "webhook"

    def __init__(self, url: str, seconds: float) -> None:
        """Remember the address; nothing may take longer than `seconds`."""
        self._url, self._seconds = url, seconds
        self._local = is_loopback(urllib.parse.urlsplit(url).hostname)

    def send(self, document: bytes) -> str:
        """See `Target`."""
        import httpx

        headers = {"Content-Type": "application/json", "User-Agent": f"mqn/{__version__}"}
        try:
            with (
                # No proxy stands between this machine and itself.
                httpx.Client(timeout=self._seconds, trust_env=not self._local) as client,
                client.stream("POST", self._url, content=document, headers=headers) as response,
            ):
                return "" if response.is_success else f"answers {response.status_code}"
        except httpx.TimeoutException:
            return f"does not answer within {self._seconds:g} s"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return f"cannot be reached ({shortened(str(error) or type(error).__name__, _CHARACTERS)})"

    def stop(self) -> None:
        """See `Target`: a request ends with this process."""


def targets_of(profile: NotifyProfile) -> tuple[list[Target], list[str]]:
    """Who a profile wants to be told, and lines on those that cannot be."""
    found: list[Target] = []
    wrong = []
    if profile.command:
        found.append(Command(profile.command, profile.timeout_seconds))
    if profile.webhook_env and not profile.address:
        wrong.append(f"notify.webhook_env: {profile.webhook_env} is not set, so the webhook is not told")
    elif profile.address:
        try:
            check_webhook(profile.address)
        except ValueError as error:
            wrong.append(f"notify: {error}")
        else:
            found.append(Webhook(profile.address, profile.timeout_seconds))
    return found, wrong


def try_targets(profile: NotifyProfile) -> tuple[list[str], list[str]]:
    """Tell every target the event `test`.

    Returns:
        Names of those that took it, and lines on those that did not.
    """
    from mqn.search.notify.event import TEST, Event

    targets, wrong = targets_of(profile)
    document = Event(kind=TEST, key=TEST, text="a test by mqn doctor").document("")
    said = {target.name: target.send(document) for target in targets}
    return [name for name, why in said.items() if not why], [
        *wrong,
        *(f"the {name} {why}" for name, why in said.items() if why),
    ]
