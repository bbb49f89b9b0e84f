"""`mqn dashboard` as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self


class Dashboard:
    """Serves a home's studies until the block ends; `address` is where."""

    def __init__(self, home: Path, *words: str, token: str = "") -> None:
        told = {"MQN_HOME": str(home), **({"MQN_DASHBOARD_TOKEN": token} if token else {})}
        command = [sys.executable, "-m", "mqn", "dashboard", *words, "--port", "0", "--json"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **told}
        )
        self.errors = ""

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.rstrip() == "}":
                break
        if not lines:
            _, self.errors = self.process.communicate()
            raise RuntimeError(self.errors)
        told: dict[str, Any] = json.loads("".join(lines))
        self.address = str(told["address"])
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> int:
        """End it as Ctrl-C does; returns its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
            _, self.errors = self.process.communicate(timeout=30)
        return int(self.process.returncode)
