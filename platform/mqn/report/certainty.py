"""What latencies say for certain: their 95 % ranges, and trials whose ranges overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mqn.quantities import DEVICE_FIGURES, split_target
from mqn.records import Range, TrialRecord

if TYPE_CHECKING:
    from mqn.report.points import Axis, Point

LATENCY = "latency_ms"


def figures_of(record: TrialRecord, device: str | None) -> dict[str, float]:
    """Every figure of a trial by name, of each device also with the device's name behind it.

    Args:
        record: the trial.
        device: whose latency and memory go by their plain names; None: the trial's first.
    """
    measured = record.device_figures
    if record.state == "held":  # What it waits for is shown with its verdict; with one target, by plain names too.
        measured = {**measured, **record.unaccepted}
        device = next(iter(measured)) if device is None and len(measured) == 1 else device
    named = {f"{name}/{own}": value for own, values in measured.items() for name, value in values.items()}
    if device is None or device not in measured:
        return named | record.figures
    shared = {name: value for name, value in record.figures.items() if name not in DEVICE_FIGURES}
    return named | shared | measured[device]


def range_of(figures: Mapping[str, float], metric: str) -> Range | None:
    """Where a figure lies with 95 % confidence.

    Args:
        figures: of a trial or of one device.
        metric: the figure; only the median latency has a range, with or without a target.

    Returns:
        None where nobody computed it.
    """
    base, target = split_target(metric)
    suffix = "" if target is None else f"/{target}"
    ends = [figures.get(f"{LATENCY}.p50_{end}{suffix}") for end in ("low", "high")]
    if base != LATENCY or ends[0] is None or ends[1] is None:
        return None
    return Range(low=ends[0], high=ends[1])


def overlap(first: Range | None, second: Range | None) -> bool:
    """Whether two ranges share a value; what has no range overlaps nothing, for nobody knows."""
    return first is not None and second is not None and first.low <= second.high and second.low <= first.high


def indistinct(points: Sequence[Point], axes: Sequence[Axis]) -> tuple[tuple[int, ...], ...]:
    """The trials that each trial cannot be told apart from in latency.

    Args:
        points: trials, a front's for example.
        axes: their objectives; of several latencies (one a device) all have to overlap: one device that tells two
            trials apart is enough.

    Returns:
        For each point the numbers of the others; nothing where no objective is a latency.
    """
    columns = [index for index, axis in enumerate(axes) if split_target(axis.metric)[0] == LATENCY]
    return tuple(
        tuple(
            other.record.number
            for other in points
            if columns
            and other is not point
            and all(overlap(point.ranges[column], other.ranges[column]) for column in columns)
        )
        for point in points
    )
