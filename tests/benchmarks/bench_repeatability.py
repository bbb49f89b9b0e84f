"""The same model measured again and again: how much its median varies when idle, and what is accepted under load."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from mqn.device.backends.local.backend import LocalBackend
from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.science.yardsticks import Yardsticks
from mqn.device.session import SessionFile, measure
from mqn.records import Measurement, MeasureSettings
from mqn.report.timing.repeatability import judge_repeats
from tests.benchmarks.busy import busy_processors
from tests.support.tflite_models import convolutions

JOBS = 10
SPREAD_LIMIT = 0.05
ACCEPTED_LIMIT = 0.1


def run(jobs: int = JOBS) -> dict[str, Any]:
    """Measure a model of 3 to 4 ms with the quick preset; the worse of two shares of what is allowed."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / "model.tflite"
        path.write_bytes(convolutions(48, 16, layers=33))
        yardsticks = Yardsticks(folder / "yardsticks.json")
        idle = [_measure(path, folder, yardsticks) for _ in range(jobs)]
        with busy_processors():
            busy = [_measure(path, folder, yardsticks) for _ in range(jobs)]
    repeated = judge_repeats("model", ("0" * 64,), idle)
    accepted = sum(one.verdict == "ok" for one in busy) / jobs
    spread = float("inf") if repeated.spread is None else repeated.spread
    return {
        "name": f"p50 of a model over {jobs} jobs, its spread; and jobs called ok beside a busy loop on each processor",
        "ratio": max(spread / SPREAD_LIMIT, accepted / ACCEPTED_LIMIT),
        "limit": 1.0,
        "detail": {
            "spread": {"value": repeated.spread, "limit": SPREAD_LIMIT},
            "accepted_under_load": {"value": accepted, "limit": ACCEPTED_LIMIT},
            "p50_ms": repeated.p50_ms,
            "idle_verdicts": _count(idle),
            "idle_reasons": [reason for one in idle for reason in one.reasons],
            "busy_verdicts": _count(busy),
            "load_1m_before": idle[0].before.load_1m,
        },
    }


def _measure(path: Path, folder: Path, yardsticks: Yardsticks) -> Measurement:
    files = [SessionFile(part="model", sha256="0" * 64, path=path)]
    return measure(LocalBackend(), files, MeasureSettings(), folder=folder, switch=KillSwitch(), yardsticks=yardsticks)


def _count(measurements: list[Measurement]) -> dict[str, int]:
    verdicts = [one.verdict for one in measurements]
    return {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}


if __name__ == "__main__":
    print(run())
