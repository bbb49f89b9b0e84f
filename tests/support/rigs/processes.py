"""Processes of a rig, known by a mark in their environment, whoever their parent is by now."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

MARK = "MQN_RIG"


def marked(mark: str) -> list[int]:
    """The processes that were started with this mark, or by such a process; zombies left out."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def end_marked(mark: str) -> None:
    """Kill them all, as when a machine loses its power: nobody has time to say goodbye."""
    for _ in range(50):
        left = marked(mark)
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    raise RuntimeError(f"processes {marked(mark)} do not end")
