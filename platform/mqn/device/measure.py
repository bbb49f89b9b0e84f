"""A measurement that counts: tried again while the machine disturbs it, given up by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mqn.device.client import Client
from mqn.device.science.figures import describe_verdict
from mqn.device.wire import JobState
from mqn.errors import MeasurementError
from mqn.records import Measurement, MeasureSettings, Verdict

# The model's own doing, which another try does not change.
FINAL: frozenset[Verdict] = frozenset({"crashed", "timeout", "rejected"})
# Disturbances come in stretches: the pause before the second, third, ... try; the last one stays.
PAUSES_SECONDS = (0.5, 2.0, 5.0)


def measure(
    client: Client,
    files: Sequence[Path],
    settings: MeasureSettings,
    *,
    on_state: Callable[[JobState], None] | None = None,
    pauses_seconds: Sequence[float] = PAUSES_SECONDS,
) -> Measurement:
    """Measure until the verdict is one that the settings accept.

    Args:
        client: of the device.
        files: one model, or backbone and head.
        settings: how; `accept` and `attempts` rule here.
        on_state: told whenever a job's state changes.
        pauses_seconds: between tries.

    Raises:
        MeasurementError: no try had an accepted verdict; names the last one and its reasons.
        DeviceAwayError: the agent cannot be reached, went away, or is too busy.
        DeviceRefusedError: it refuses.
        ModelFileError: a file cannot be read.
    """
    for attempt in range(settings.attempts):
        if attempt:
            time.sleep(pauses_seconds[min(attempt, len(pauses_seconds)) - 1])
        measurement = client.measure(files, settings, on_state)
        if measurement.verdict in settings.accept and measurement.latency_ms is not None:
            return measurement
        if measurement.verdict in FINAL:
            break
    names = " and ".join(file.name for file in files)
    tries = f" after {attempt + 1} tries" if attempt else ""
    raise MeasurementError(f"{names}: {describe_verdict(measurement)}{tries}")
