"""A device's agent on this machine, behind a line: killed and started at will, at one address all the while."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from mqn.device.backends.local.isolation import TOKEN_VARIABLE
from tests.support.rigs.line import Line
from tests.support.rigs.waiting import wait_until

START_SECONDS = 240.0  # beside much other work


class Agent:
    """A running agent.

    Attributes:
        url: for `devices.NAME.url` in a profile; stays the same when it is killed and started again.
        token: of its owner.
        line: between users and agent.
    """

    def __init__(self, folder: Path) -> None:
        """Keep models and jobs in a folder; its log lies beside it."""
        self._folder, self.token = folder, secrets.token_urlsafe(16)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.line = Line(0)
        self.url = f"http://127.0.0.1:{self.line.port}"
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.line.close()
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        ready = self._folder.with_name(f"{self._folder.name}.ready.json")
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "mqn.device.agent", "--folder", str(self._folder), "--ready-file", str(ready)]
        with self._folder.with_name(f"{self._folder.name}.log").open("ab") as log:
            self._process = process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, TOKEN_VARIABLE: self.token},
            )
        wait_until(lambda: process.poll() is not None or ready.is_file(), START_SECONDS, "an agent")
        assert process.poll() is None, "the agent did not start"
        self.line.lead_to(int(json.loads(ready.read_text())["url"].rsplit(":", 1)[1]))

    def kill(self) -> None:
        """Kill it; what it measures ends with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
