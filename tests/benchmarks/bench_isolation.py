"""A model timed in turns by passes that are shut in and by passes that are not: that must not show in a figure."""

from __future__ import annotations

import functools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mqn.device.backends.local import backend
from mqn.device.backends.local.confinement import confinement
from mqn.device.backends.local.isolation import KillSwitch, run_isolated
from mqn.device.passes import PassFile, PassRequest
from mqn.records import MeasureSettings
from tests.support.tflite_models import convolutions

PAIRS = 30
LATENCY_LIMIT = 1.02
START_LIMIT = 1.25
"""Of the time that a pass takes beside its timed rounds: the interpreter, the runtime, the model."""
SETTINGS = MeasureSettings(processes=1, warmup_seconds=0.2, warmup_limit_seconds=1.0, runs=50, seconds=0.3)


def run(pairs: int = PAIRS) -> dict[str, Any]:
    """Time both ways in turns; medians of the ratios of each pair."""
    isolation = confinement().describe()
    shut_in, free = run_isolated, functools.partial(run_isolated, confined=False)
    ratios: list[tuple[float, ...]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / "model.tflite"
        path.write_bytes(convolutions(48, 16, layers=33))
        for number in range(pairs):
            ways = {"shut in": shut_in, "free": free}
            order = list(ways)[:: 1 if number % 2 else -1]
            found = {name: _time(path, folder / f"{number}-{name.split()[0]}", ways[name]) for name in order}
            ratios.append(tuple(one / other for one, other in zip(found["shut in"], found["free"], strict=True)))
    latencies, fastest, starts = zip(*ratios, strict=True)
    latency, start = statistics.median(latencies), statistics.median(starts)
    return {
        "name": f"passes that are shut in against passes that are not, {pairs} pairs: p50, and the time beside it",
        "ratio": max(latency / LATENCY_LIMIT, start / START_LIMIT),
        "limit": 1.0,
        "detail": {
            "latency": {"value": latency, "limit": LATENCY_LIMIT, "quartiles": statistics.quantiles(latencies)},
            "latency_of_fastest_rounds": {
                "value": statistics.median(fastest),
                "quartiles": statistics.quantiles(fastest),
            },
            "start": {"value": start, "limit": START_LIMIT, "quartiles": statistics.quantiles(starts)},
            "holds": [guard.name for guard in isolation.guards if guard.holds],
        },
    }


def _time(path: Path, folder: Path, way: Callable[..., Any]) -> tuple[float, float, float]:
    """Nanoseconds of the model's p50 and of its fastest round, and the seconds beside the timed rounds."""
    folder.mkdir()
    request = PassRequest(kind="timed", models=((PassFile(part="model", name="m.tflite"),),), settings=SETTINGS)
    backend.run_isolated = way  # type: ignore[assignment]
    try:
        began = time.monotonic()
        result = backend.LocalBackend().run(request, {"m.tflite": path}, folder, KillSwitch())
        took = time.monotonic() - began
    finally:
        backend.run_isolated = run_isolated
    assert result.timed is not None, result.failure
    ((part,),) = result.timed.models
    return statistics.median(part.samples_ns), min(part.samples_ns), took - result.timed.wall_seconds
