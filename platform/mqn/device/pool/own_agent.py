"""The devices of a profile: an agent that is there already, or one of our own on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mqn.device.backends.isolation import TOKEN_VARIABLE
from mqn.device.client import Client
from mqn.errors import DeviceAwayError, DeviceRefusedError
from mqn.profile import LOOPBACK, DeviceProfile

START_SECONDS = 20.0
STOP_SECONDS = 5.0


@contextlib.contextmanager
def open_device(name: str, device: DeviceProfile) -> Iterator[Client]:
    """Reach a device.

    Args:
        name: as the profile calls it, for error messages.
        device: `url = "loopback"` starts an agent on this machine and stops it at the end; it also ends when this
            process dies, however it dies.

    Yields:
        A client of its agent, which was reached once.

    Raises:
        DeviceAwayError: it cannot be reached.
        DeviceRefusedError: it refuses, or the token's variable is not set.
    """
    if device.url == LOOPBACK:
        with _own_agent(name) as client:
            yield client
        return
    token = None
    if device.token_env:
        token = os.environ.get(device.token_env)
        if not token:
            raise DeviceRefusedError(f"device {name!r} needs its token in ${device.token_env}, which is not set")
    with Client(device.url, token) as client:
        client.info()
        yield client


@contextlib.contextmanager
def _own_agent(name: str) -> Iterator[Client]:
    # Everybody on this machine can reach loopback, a browser's pages too: hence a token here as well.
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="mqn-agent-") as folder:
        ready, log = Path(folder) / "ready.json", Path(folder) / "agent.log"
        command = [sys.executable, "-m", "mqn.device.agent", "--until-stdin-closes", "--ready-file", str(ready)]
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                env={**os.environ, TOKEN_VARIABLE: token},
                # Ctrl-C is for whoever started us; the agent is stopped below, after its job was cancelled.
                start_new_session=True,
            )
        try:
            url = _await_ready(name, process, ready, log)
            with Client(url, token, backoff_seconds=(0.2, 0.5)) as client:
                yield client
        finally:
            _stop(process)


def _await_ready(name: str, process: subprocess.Popen[bytes], ready: Path, log: Path) -> str:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if ready.is_file():
            return str(json.loads(ready.read_text())["url"])
        if process.poll() is not None:
            lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
            raise DeviceAwayError(f"the agent of device {name!r} ended at once: {lines[-1].strip()}")
        time.sleep(0.02)
    raise DeviceAwayError(
        f"the agent of device {name!r} was not ready after {START_SECONDS:g} s; is the machine overloaded?"
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
