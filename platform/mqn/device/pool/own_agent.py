"""An agent started by this program: for this machine, phones behind adb, boards behind SSH."""

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

from mqn.device.backends.local.isolation import TOKEN_VARIABLE
from mqn.device.client import Client
from mqn.device.pool.address import Address, read_address
from mqn.errors import DeviceAwayError
from mqn.profile import DeviceProfile

START_SECONDS = 30.0
STOP_SECONDS = 5.0


class OwnAgent:
    """An agent that lives as long as it is needed, and no longer than this process, however that dies."""

    def __init__(self, name: str, device: DeviceProfile) -> None:
        """Start the agent, and wait until it answers.

        Raises:
            DeviceAwayError: it cannot be started, or did not come up; gives its last words.
        """
        # Every process on this machine can reach loopback, web pages too: so a token is needed here as well.
        token = secrets.token_urlsafe(24)
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="mqn-agent-")
            ready, self._log = Path(self._folder.name) / "ready.json", Path(self._folder.name) / "agent.log"
            self._process = self._start(device, ready, token)
        except OSError as error:
            raise DeviceAwayError(f"cannot start the agent of device {name!r} here: {error.strerror}") from error
        try:
            self.address = Address(url=self._await_ready(name, ready), token=token, own=True)
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """Stop it; what it was doing is cancelled."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _start(self, device: DeviceProfile, ready: Path, token: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "mqn.device.agent", "--backend", str(device.backend)]
        command += ["--until-stdin-closes", "--ready-file", str(ready)]
        if device.benchmark_model is not None:
            command += ["--benchmark-model", str(device.benchmark_model.expanduser())]
        with self._log.open("wb") as stream:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                env={**os.environ, TOKEN_VARIABLE: token},
                # Ctrl-C is for this program; it stops the agent in order, after its job was cancelled.
                start_new_session=True,
            )

    def _await_ready(self, name: str, ready: Path) -> str:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if ready.is_file():
                return str(json.loads(ready.read_text())["url"])
            if not self.alive:
                lines = self._log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
                line = lines[-1].strip().removeprefix("error: ")
                raise DeviceAwayError(f"the agent of device {name!r} ended at once: {line}")
            time.sleep(0.02)
        raise DeviceAwayError(
            f"the agent of device {name!r} was not ready after {START_SECONDS:g} s; is the machine overloaded?"
        )


@contextlib.contextmanager
def open_device(name: str, device: DeviceProfile) -> Iterator[Client]:
    """Reach one device by itself, through its agent or one that is started for it and stopped at the end.

    Yields:
        A client of its agent, which was reached once.

    Raises:
        DeviceAwayError: it cannot be reached.
        DeviceRefusedError: it refuses, or its token is not where the profile says.
    """
    with contextlib.ExitStack() as stack:
        if device.backend is None:
            address = read_address(name, device)
        else:
            agent = OwnAgent(name, device)
            stack.callback(agent.close)
            address = agent.address
        client = stack.enter_context(address.connect())
        client.info()
        yield client
