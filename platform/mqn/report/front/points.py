"""Trials as points on the objectives' axes. Values are as measured; `minimised` turns signs for numeric code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mqn.errors import UnknownNameError
from mqn.quantities import Direction, Quantity, is_device_figure, quantity, split_target
from mqn.records import Range, TrialRecord, TrialState
from mqn.search.space.goals import Objective

LATENCY = "latency_ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """An objective with its direction settled."""

    quantity: Quantity
    direction: Direction

    @property
    def metric(self) -> str:
        """The figure's name."""
        return self.quantity.name

    @property
    def sign(self) -> float:
        """What a value is multiplied with to be minimised."""
        return 1.0 if self.direction == "minimize" else -1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A complete trial on the objectives' axes.

    Attributes:
        record: the trial.
        values: one an objective, as measured: nothing is negated.
        ranges: where each value lies with 95 % confidence; None where that is not known. A latency has its own; an
            accuracy has one on a front whose trials were compared (`mqn.report.front.comparison`).
        disturbed: of each value whether a device told it and the measurement's verdict is not `ok`.
        confirmed_by: the trials with further seeds whose figures are in the values, which are means then.
    """

    record: TrialRecord
    values: tuple[float, ...]
    ranges: tuple[Range | None, ...]
    disturbed: tuple[bool, ...]
    confirmed_by: tuple[TrialRecord, ...] = ()

    @property
    def steady(self) -> bool:
        """Whether no value is of a disturbed measurement."""
        return not any(self.disturbed)

    @property
    def name(self) -> str:
        """The trial's number and what it is: `#12 ca w0.35 int8+dynamic`."""
        return f"#{self.record.number} {self.record.label}"


def axes_of(objectives: Sequence[Objective], device: str | None = None) -> tuple[Axis, ...]:
    """The objectives as axes, of one device or of all. An UnknownNameError names a figure or device that is unknown."""
    axes = tuple(Axis(quantity=quantity(one.metric), direction=one.settled) for one in objectives)
    if device is None:
        return axes
    targets = {axis: split_target(axis.metric)[1] for axis in axes}
    own = tuple(axis for axis, target in targets.items() if target in (None, device))
    if not own:
        others = filter(None, targets.values())
        raise UnknownNameError("device", device, others, "every objective is one of theirs")
    return own


def points_in(
    records: Sequence[TrialRecord],
    axes: Sequence[Axis],
    device: str | None = None,
    *,
    state: TrialState = "complete",
    confirming: bool = False,
) -> tuple[Point, ...]:
    """The trials of one state that have every figure, as points in the order of their numbers.

    Args:
        records: trials in any state.
        axes: the objectives.
        device: whose latency and memory to take; None: each trial's first device.
        state: `complete`; or `held`: then figures count that the profile does not accept.
        confirming: take the trials that confirm others, in place of all others.

    Raises:
        UnknownNameError: no trial was measured on that device.
    """
    targets = {split_target(axis.metric)[1] for axis in axes}
    if device is not None and device not in targets:
        known = {target for record in records for target in record.targets}
        if device not in known:
            raise UnknownNameError("device", device, known, "name one that the study measured on")
    told = [(a.metric, split_target(a.metric)[0] == LATENCY, is_device_figure(a.metric)) for a in axes]
    points = []
    for record in sorted(records, key=lambda record: record.number):
        if record.state != state or (record.confirms is not None) != confirming:
            continue
        if device is not None and device not in {*targets, *record.targets}:
            continue
        figures = record.figures_by_name(device)
        if any(axis.metric not in figures for axis in axes):
            continue
        points.append(
            Point(
                record=record,
                values=tuple(figures[axis.metric] for axis in axes),
                ranges=tuple(range_of(figures, metric) if timed else None for metric, timed, _ in told),
                disturbed=tuple(of_device and is_disturbed(record, metric, device) for metric, _, of_device in told),
            )
        )
    return tuple(points)


def is_disturbed(record: TrialRecord, metric: str, device: str | None = None) -> bool:
    """Whether a figure comes from a measurement whose verdict is not `ok`. Other figures are never disturbed.

    A name without a target means the figure on `device`; if that is None, on any of several devices.
    """
    if not is_device_figure(metric):
        return False
    asked = split_target(metric)[1] or device
    verdicts = [record.verdicts[asked]] if asked in record.verdicts else list(record.verdicts.values())
    return any(verdict != "ok" for verdict in verdicts)


def minimised(points: Sequence[Point], axes: Sequence[Axis]) -> NDArray[np.float64]:
    """Values for numeric code, (n, m): n points in m objectives, signs turned such that less is better."""
    values = np.array([point.values for point in points], dtype=np.float64).reshape(len(points), len(axes))
    return values * np.array([axis.sign for axis in axes])


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
    """Whether two ranges share a value; false if either is unknown."""
    return first is not None and second is not None and first.low <= second.high and second.low <= first.high
