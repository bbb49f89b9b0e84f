"""A model's latency from turns with a reference model: true on machines whose speed changes from minute to minute.

What slows one of two models that run in turns slows both. So their ratio is known well where absolute times are not,
and the latency is this ratio times the latency that the reference was once found to have on that device.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from mqn.device.client import Client
from mqn.device.measure import Circumstances, compare, measure
from mqn.device.reference_models import Layer, Scheme, chain
from mqn.device.wire import MAX_PROCESSES
from mqn.errors import UnsteadyError
from mqn.records import Comparison, Latency, Measurement, MeasureSettings, Range, Ratio, Verdict

WIDEST = 0.05
"""The ratio of medians counts when its range reaches no farther to either side, as a share of it."""

STATE = 0.025
"""How far the machine's state moves a ratio besides, as a share of it: busy or not, this run or the next.

The processes of one run do not show it. Medians of four runs, told on the wall, moved by 2.2 % beside loops that were
free to move (`tests/benchmarks/bench_pairing.py`).
"""

PAIRED: tuple[Verdict, ...] = ("ok", "contended", "unsteady", "throttled")
"""Verdicts on the machine. They do not matter for a ratio."""

_SEPARABLE: tuple[Layer, ...] = ("depthwise", "pointwise")
_REFERENCE: Mapping[Scheme, Callable[[], bytes]] = {
    "float32": lambda: chain(64, 64, _SEPARABLE * 3),
    "int8": lambda: chain(32, 48, _SEPARABLE * 8, "int8"),
}
# Separable convolutions, as networks for phones have them: other work on the machine slows these alike. Beside a loop
# on each processor (Intel Xeon with AMX, processor time) MQN took 4 to 10 % longer, these 7 %, and chains of 3 x 3
# convolutions from 7 % less to 11 % more.
_SETTLING_PROCESSES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the reference model was found to take on a device, in ms: the median and the 90th percentile of all rounds.

    `low` and `high` bound the median with 95 % confidence, and say nothing about how busy the machine was then.
    """

    p50: float
    p90: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """A model beside the reference.

    Attributes:
        measurement: of the model; its latency is the ratio times the reference's.
        comparison: of the reference and the model, with the samples of both.
    """

    measurement: Measurement
    comparison: Comparison


def write_reference(folder: Path) -> tuple[Path, ...]:
    """Write the reference model: a float file and one of 8 bits, which run one after the other as one model."""
    files = tuple(folder / f"reference.{scheme}.tflite" for scheme in _REFERENCE)
    for make, file in zip(_REFERENCE.values(), files, strict=True):
        file.write_bytes(make())
    return files


def settle(
    client: Client, reference: Sequence[Path], settings: MeasureSettings, **others: Unpack[Circumstances]
) -> Reference:
    """Find out what the reference takes on a device, over many processes. Arguments and errors are as of `measure`."""
    many = dataclasses.replace(
        settings,
        accept=PAIRED,
        processes=max(settings.processes, _SETTLING_PROCESSES),
        seconds=max(settings.seconds, 2.0),
    )
    latency = measure(client, reference, many, **others).latency_ms
    assert latency is not None, "a measurement without a latency is refused"
    assert latency.p50_range is not None, "several processes were timed"
    return Reference(p50=latency.p50, p90=latency.p90, low=latency.p50_range.low, high=latency.p50_range.high)


def measure_paired(
    client: Client,
    files: Sequence[Path],
    reference: Sequence[Path],
    known: Reference,
    settings: MeasureSettings,
    **others: Unpack[Circumstances],
) -> Paired:
    """Measure a model beside the reference, in more processes while their ratio is not known well.

    Args:
        client: of the device.
        files: one model, or backbone and head.
        reference: of the reference model.
        known: what it takes on this device.
        settings: how; each of the `attempts` has twice the processes of the one before, up to what a device takes.
        others: see `Circumstances`.

    Raises:
        UnsteadyError: the ratio is not known well enough after the last try.
        Others as `measure`.
    """
    comparison = time_beside(client, files, reference, settings, **others)
    measurement = measure(client, files, dataclasses.replace(settings, accept=PAIRED), **others)
    return Paired(measurement=_told_by(measurement, comparison, known, settings), comparison=comparison)


def time_beside(
    client: Client,
    files: Sequence[Path],
    reference: Sequence[Path],
    settings: MeasureSettings,
    **others: Unpack[Circumstances],
) -> Comparison:
    """Time a model in turns with the reference; arguments and errors are those of `measure_paired`."""
    free = dataclasses.replace(settings, accept=PAIRED)
    for attempt in range(settings.attempts):
        processes = min(free.processes * 2**attempt, MAX_PROCESSES)
        more = dataclasses.replace(free, processes=processes, seconds=free.seconds * 2**attempt)
        comparison = compare(client, reference, files, more, **others)
        if comparison.p50 is not None and _reach(comparison.p50) <= WIDEST:
            return comparison
    told = "nothing" if comparison.p50 is None else f"{100 * _reach(comparison.p50):.0f} %"
    raise UnsteadyError(
        f"{' and '.join(file.name for file in files)}: in turns with the reference model, their ratio is known to "
        f"{told} only after {settings.attempts} tries; {100 * WIDEST:g} % count",
        comparison,
    )


def in_any_state(ratio: Ratio) -> Range:
    """Where a ratio lies whatever else the machine does: its own range, widened by `STATE`."""
    down = math.hypot(math.log(ratio.value / ratio.range.low), STATE)
    up = math.hypot(math.log(ratio.range.high / ratio.value), STATE)
    return Range(low=ratio.value * math.exp(-down), high=ratio.value * math.exp(up))


def _told_by(
    measurement: Measurement, comparison: Comparison, known: Reference, settings: MeasureSettings
) -> Measurement:
    """The measurement with the latency that the ratio tells; it counts, however busy the machine was."""
    ratio, slow = comparison.p50, comparison.p90
    assert measurement.latency_ms is not None
    assert ratio is not None
    assert slow is not None
    factor = ratio.value * known.p50 / measurement.latency_ms.p50
    latency = dataclasses.replace(
        _scaled(measurement.latency_ms, factor),
        p50_range=_times(in_any_state(ratio), known.p50),
        p90=slow.value * known.p90,
        p90_range=_times(in_any_state(slow), known.p90),
    )
    parts = tuple(dataclasses.replace(part, latency_ms=_scaled(part.latency_ms, factor)) for part in measurement.parts)
    range_ = in_any_state(ratio)
    reason = (
        f"{ratio.value:.4g} of the reference's time in turns ({range_.low:.4g} to {range_.high:.4g}), and that was "
        f"{known.p50:.4g} ms"
    )
    return dataclasses.replace(
        measurement, settings=settings, verdict="ok", reasons=(reason,), latency_ms=latency, parts=parts
    )


def _scaled(latency: Latency, factor: float) -> Latency:
    """Order statistics of samples that took so many times as long; without ranges."""
    names = ("min", "p50", "p90", "p99", "mean", "std")
    return dataclasses.replace(
        latency, p50_range=None, p90_range=None, **{name: factor * getattr(latency, name) for name in names}
    )


def _times(range_: Range, by: float) -> Range:
    return Range(low=range_.low * by, high=range_.high * by)


def _reach(ratio: Ratio) -> float:
    return max(ratio.value - ratio.range.low, ratio.range.high - ratio.value) / ratio.value
