"""HDR-VDP-2.2's Q: how long a pair takes, and how much memory, each size in a process of its own."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

REPEATS = 5
SMALL, LARGE = (256, 256), (1080, 1920)
SMALL_LIMIT_SECONDS = 0.3
LARGE_LIMIT_SECONDS = 20.0
LARGE_LIMIT_GB = 2.0


def run() -> dict[str, Any]:
    """Judge a pair of each size with torch's own number of threads; the worst of three shares of what is allowed."""
    small, large = _apart(SMALL, REPEATS), _apart(LARGE, 1)
    figures = {
        "256x256_s": (small["seconds"], SMALL_LIMIT_SECONDS),
        "1920x1080_s": (large["first_s"], LARGE_LIMIT_SECONDS),
        "1920x1080_gb": (large["peak_gb"], LARGE_LIMIT_GB),
    }
    return {
        "name": "HDR-VDP Q of 256 x 256 and 1920 x 1080, against the seconds and memory allowed",
        "ratio": max(value / limit for value, limit in figures.values()),
        "limit": 1.0,
        "detail": {
            **{name: {"value": value, "limit": limit} for name, (value, limit) in figures.items()},
            "256x256_first_s": small["first_s"],
            "256x256_one_thread_s": _apart(SMALL, REPEATS, threads=1)["seconds"],
            "1920x1080_one_thread_s": _apart(LARGE, 1, threads=1)["first_s"],
            "threads": small["threads"],
        },
    }


def _apart(size: tuple[int, int], repeats: int, threads: int = 0) -> dict[str, float]:
    command = [sys.executable, "-m", __spec__.name, *map(str, (*size, repeats, threads))]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _measure(height: int, width: int, repeats: int, threads: int) -> dict[str, float]:
    import torch

    from mqn.metrics import hdrvdp

    # What a call loads counts as the libraries' own, what it keeps counts as ours.
    hdrvdp.quality(np.ones((17, 17)), np.ones((17, 17)))
    if threads:
        torch.set_num_threads(threads)
    baseline = _peak_gb()
    generator = np.random.default_rng(0)
    reference = 10 ** generator.uniform(-1, 3, (height, width, 3)).astype(np.float32)
    test = reference * generator.uniform(0.8, 1.2, reference.shape).astype(np.float32)
    seconds = []
    for _ in range(1 + repeats):
        begin = time.perf_counter()
        hdrvdp.quality(test, reference)
        seconds.append(time.perf_counter() - begin)
    return {
        "first_s": seconds[0],
        "seconds": statistics.median(seconds[1:]),
        "peak_gb": _peak_gb() - baseline,
        "threads": torch.get_num_threads(),
    }


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(_measure(*map(int, sys.argv[1:]))))
    else:
        print(run())
