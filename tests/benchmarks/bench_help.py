"""`mqn --help` is quick because no command's libraries are loaded for it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

REPEATS = 9
LIMIT_SECONDS = 0.5


def _seconds(*code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, *code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def run() -> dict[str, Any]:
    """Time the whole process against an empty Python and against importing torch, in turn."""
    ours, empty, torch = [], [], []
    for _ in range(REPEATS):
        ours.append(_seconds("-m", "mqn", "--help"))
        empty.append(_seconds("-c", "pass"))
        torch.append(_seconds("-c", "import torch"))
    seconds = statistics.median(ours)
    return {
        "name": "mqn --help, seconds against the half second allowed",
        "ratio": seconds / LIMIT_SECONDS,
        "limit": 1.0,
        "detail": {
            "help_s": seconds,
            "empty_python_s": statistics.median(empty),
            "import_torch_s": statistics.median(torch),
        },
    }


if __name__ == "__main__":
    print(run())
