"""Clocks of single processes that jump, though the machine has one for all: `clock.c`, preloaded."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")
_COARSE = 5  # CLOCK_REALTIME_COARSE, for which Python has no name


def can_shift() -> bool:
    """Whether there is a compiler."""
    return shutil.which("gcc") is not None


def build_clock(folder: Path) -> Path:
    """Compile the library. Raises `subprocess.CalledProcessError` where that fails."""
    library = folder / "clock.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl", "-lm"], check=True)
    return library


class Clock:
    """The clock of all processes that are started with its environment."""

    def __init__(self, library: Path, path: Path) -> None:
        """Go right at first. `path` is a file of its own."""
        self._path = path
        path.write_bytes(struct.pack("d", 0.0))
        self.environment = {"LD_PRELOAD": str(library), "MQN_LAB_CLOCK": str(path)}

    def set_off(self, seconds: float) -> None:
        """Jump: be so far ahead of the machine's clock from now on, or behind it."""
        with self._path.open("r+b") as stream:
            stream.write(struct.pack("d", seconds))


def kernel_time() -> float:
    """Seconds since 1970 by the machine's clock, whatever this process is made to see."""
    return time.clock_gettime(_COARSE)
