"""A machine that does other work, for benchmarks that say what comes of it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

_LOOP = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"


@contextlib.contextmanager
def busy_processors() -> Iterator[None]:
    """Keep every processor busy with a loop of its own."""
    loops = [
        subprocess.Popen([sys.executable, "-S", "-c", _LOOP, str(number)]) for number in sorted(os.sched_getaffinity(0))
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
