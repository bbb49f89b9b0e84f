"""What a followed dashboard of 2,000 trials costs the study's driver, on the same machine.

The driver begins and ends trials at an even pace. Of each pair of blocks it does one while Chromium follows the page,
and one while the dashboard's process stands still, in either order. The figure is the median over pairs of how the
blocks' median times compare, with its 95 % interval (bootstrap over pairs). `noise` is the same of pairs of which both
blocks are without a dashboard: what is smaller cannot be told. Beside it stands what the dashboard itself uses of a
processor.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.bench_dashboard import TRIALS, first_paint
from tests.support.many_trials import fill
from tests.support.rigs.browser import Browser
from tests.support.rigs.dashboard import Dashboard
from tests.support.watched_study import WatchedStudy

PAIRS, WRITES, PACE_SECONDS, SETTLE_SECONDS = 16, 10, 0.25, 1.5
LIMIT = 1.02

Interval = tuple[float, float, float]


def run() -> dict[str, Any]:
    """Write trials with the page followed and without it, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        watched = WatchedStudy("grown", f"sqlite:///{home}/study.db")
        fill(watched.study, TRIALS)
        with Dashboard(home, "grown") as dashboard, Browser(home) as browser:
            first_paint(browser, dashboard.address)
            time.sleep(2 * SETTLE_SECONDS)
            idle = _share(dashboard.process.pid, lambda: time.sleep(10))
            try:
                pairs = [_pair(dashboard.process, watched, followed_first=pair % 2 > 0) for pair in range(PAIRS)]
            finally:
                dashboard.process.send_signal(signal.SIGCONT)
            time.sleep(SETTLE_SECONDS)
            busy = _share(dashboard.process.pid, lambda: _block(watched))
    followed, first, second = (np.array(column) for column in zip(*pairs, strict=True))
    slowdown, noise = _middle(followed / first), _middle(second / first)
    detail = {
        "trials": TRIALS,
        "trials_a_second": 1 / PACE_SECONDS,
        "write_ms_followed": statistics.median(followed.tolist()),
        "write_ms_alone": statistics.median([*first.tolist(), *second.tolist()]),
        "slowdown_low_median_high": slowdown,
        "noise_low_median_high": noise,
        "processor_share_while_nothing_changes": idle,
        "processor_share_while_trials_come": busy,
    }
    return {"name": "a driver's writes, its page followed", "ratio": slowdown[1], "limit": LIMIT, "detail": detail}


def _pair(process: subprocess.Popen[str], watched: WatchedStudy, *, followed_first: bool) -> tuple[float, float, float]:
    """Milliseconds of a write: followed, and twice without a dashboard."""
    told: dict[bool, list[float]] = {}
    for is_followed in (followed_first, not followed_first):
        process.send_signal(signal.SIGCONT if is_followed else signal.SIGSTOP)
        time.sleep(SETTLE_SECONDS)
        told[is_followed] = [_block(watched) for _ in range(1 if is_followed else 2)]
    return told[True][0], told[False][0], told[False][1]


def _block(watched: WatchedStudy) -> float:
    """Median milliseconds of some trials' writes."""
    told = []
    for _ in range(WRITES):
        began = time.perf_counter()
        watched.add()
        took = time.perf_counter() - began
        told.append(1e3 * took)
        time.sleep(max(0.0, PACE_SECONDS - took))
    return statistics.median(told)


def _middle(ratios: np.ndarray) -> Interval:
    """The median, between the ends of its 95 % interval."""
    drawn = np.random.default_rng(0).choice(ratios, (4000, len(ratios)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    return float(low), float(np.median(ratios)), float(high)


def _share(process: int, act: Callable[[], object]) -> float:
    """Processor seconds that a process uses a second while something is done."""
    began, before = time.monotonic(), _processor_seconds(process)
    act()
    return (_processor_seconds(process) - before) / (time.monotonic() - began)


def _processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
