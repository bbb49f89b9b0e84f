"""`mqn` as a user types it, in a process of its own; or the same words in this process, which has its libraries."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mqn.cli.app import run

Done = subprocess.CompletedProcess[str]


def type_command(words: Sequence[str], folder: Path, home: Path) -> Done:
    """Run a command in a folder, with a home, in a process of its own."""
    command = [sys.executable, "-m", "mqn", *words]
    environment = {**os.environ, "MQN_HOME": str(home)}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def run_command(words: Sequence[str], folder: Path, home: Path) -> Done:
    """Run a command in a folder, with a home, in this process."""
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()) as said,
        contextlib.redirect_stderr(io.StringIO()) as told,
    ):
        patch.setenv("MQN_HOME", str(home))
        patch.chdir(folder)
        code = run(words)
    return subprocess.CompletedProcess(list(words), code, said.getvalue(), told.getvalue())
