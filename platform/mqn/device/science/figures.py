"""Order statistics of samples, and a measurement's figures by the names of `mqn.quantities`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from mqn.device.passes import TimedPart
from mqn.errors import MeasurementError
from mqn.records import Comparison, Latency, Measurement, OpProfile, PartMeasurement


def quantile(ordered: Sequence[float], share: float) -> float:
    """Interpolate linearly between the two nearest of ascending samples, as `numpy.percentile` does by default.

    Plain Python, so that an agent on a small board does not hold numpy in memory.
    """
    position = share * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def summarise(samples_ns: Sequence[int]) -> Latency:
    """Compute order statistics, in ms, of timed invocations, in ns.

    The standard deviation is the population's (numpy's `std` with `ddof=0`).
    """
    ordered = sorted(sample / 1e6 for sample in samples_ns)
    return Latency(
        n=len(ordered),
        min=ordered[0],
        p50=quantile(ordered, 0.5),
        p90=quantile(ordered, 0.9),
        p99=quantile(ordered, 0.99),
        mean=statistics.fmean(ordered),
        std=statistics.pstdev(ordered),
    )


def sum_parts(parts: Iterable[TimedPart | PartMeasurement]) -> list[int]:
    """Invocations of all files together, in ns, round by round."""
    return [sum(row) for row in zip(*(part.samples_ns for part in parts), strict=True)]


def sum_cpu(parts: Iterable[PartMeasurement]) -> list[int]:
    """Their processor times together, in ns, round by round."""
    return [sum(row) for row in zip(*(part.cpu_ns for part in parts), strict=True)]


def figures(measurement: Measurement) -> dict[str, float]:
    """Name the numbers of a measurement as `mqn.quantities` does.

    Args:
        measurement: one whose verdict its settings accept.

    Returns:
        `latency_ms`, `latency_ms.p90` and `size_bytes`; `latency_ms.backbone` and `latency_ms.head` for a pair;
        `latency_ms.p50_low` and `latency_ms.p50_high` where the host has analysed it; `peak_memory_mb`,
        `undelegated_memory_mb` and `undelegated_operators` where the device could tell.

    Raises:
        MeasurementError: the verdict is not accepted, or the device is emulated: such a measurement never becomes a
            number.
    """
    if measurement.device.emulated:
        raise MeasurementError(
            f"{measurement.device.id} is emulated ({measurement.device.architecture}): its times say nothing about a"
            " real device and are no objective; measure on a real one"
        )
    if measurement.latency_ms is None or measurement.verdict not in measurement.settings.accept:
        raise MeasurementError(describe_verdict(measurement), measurement)
    return name_figures(measurement)


def name_figures(measurement: Measurement) -> dict[str, float]:
    """The numbers of a measurement by name, as `figures` has them, whatever its verdict; empty where it has none."""
    if measurement.latency_ms is None:
        return {}
    named = {
        "latency_ms": measurement.latency_ms.p50,
        "latency_ms.p90": measurement.latency_ms.p90,
        "size_bytes": float(sum(part.size_bytes for part in measurement.parts)),
    }
    if measurement.latency_ms.p50_range is not None:
        named["latency_ms.p50_low"] = measurement.latency_ms.p50_range.low
        named["latency_ms.p50_high"] = measurement.latency_ms.p50_range.high
    if len(measurement.parts) > 1:
        named |= {f"latency_ms.{part.part}": part.latency_ms.p50 for part in measurement.parts}
    if measurement.peak_memory_mb is not None:
        named["peak_memory_mb"] = measurement.peak_memory_mb
    if measurement.undelegated_memory_mb is not None:
        named["undelegated_memory_mb"] = measurement.undelegated_memory_mb
    told = [part.delegation for part in measurement.parts if part.delegation is not None]
    if len(told) == len(measurement.parts):
        named["undelegated_operators"] = float(sum(found.nodes - found.delegated for found in told))
    return named


def describe_verdict(measurement: Measurement | Comparison | OpProfile) -> str:
    """One line: the verdict with its reasons, and what would have counted."""
    reasons = "; ".join(measurement.reasons) or "no reason given"
    accepted = " or ".join(measurement.settings.accept)
    return f"measured as {measurement.verdict!r} on {measurement.device.id} ({reasons}); only {accepted} counts"
