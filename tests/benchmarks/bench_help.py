"""`mqn --help` costs little more than the libraries that draw it: no command, and no library of one, is loaded."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

REPEATS = 15
LIMIT_RATIO = 1.6
DRAWS = "import typer.main, typer.rich_utils"


def _seconds(*code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, *code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def run() -> dict[str, Any]:
    """Time the whole process against importing Typer and rich, and against an empty Python, in turn."""
    ours, libraries, empty = [], [], []
    for _ in range(REPEATS):
        ours.append(_seconds("-m", "mqn", "--help"))
        libraries.append(_seconds("-c", DRAWS))
        empty.append(_seconds("-c", "pass"))
    return {
        "name": "mqn --help, seconds against importing Typer and rich",
        "ratio": statistics.median(ours) / statistics.median(libraries),
        "limit": LIMIT_RATIO,
        "detail": {
            "help_s": statistics.median(ours),
            "import_typer_and_rich_s": statistics.median(libraries),
            "empty_python_s": statistics.median(empty),
        },
    }


if __name__ == "__main__":
    print(run())
