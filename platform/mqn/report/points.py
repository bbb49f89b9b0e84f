"""Trials as points on the objectives' axes. Values stay as measured; `minimised` turns signs for numeric code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mqn.errors import UnknownNameError
from mqn.quantities import DEVICE_FIGURES, Direction, Quantity, quantity, split_target
from mqn.records import Range, TrialRecord, TrialState
from mqn.report.certainty import figures_of, range_of


class Objective(Protocol):
    """What a space optimises: `mqn.search.goals.Objective`, or anything with these two."""

    @property
    def metric(self) -> str:
        """A name in `mqn.quantities`."""

    @property
    def direction(self) -> Direction | None:
        """Which way is better; None: the quantity's own."""


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
        ranges: where each value lies with 95 % confidence; None where that is not known.
        disturbed: of each value whether a device told it and the measurement's verdict is not `ok`.
    """

    record: TrialRecord
    values: tuple[float, ...]
    ranges: tuple[Range | None, ...]
    disturbed: tuple[bool, ...]

    @property
    def steady(self) -> bool:
        """Whether no value is of a disturbed measurement."""
        return not any(self.disturbed)

    @property
    def name(self) -> str:
        """The trial's number and what it is: `#12 ca w0.35 int8+dynamic`."""
        return f"#{self.record.number} {self.record.label}"


def settle(objectives: Sequence[Objective]) -> tuple[Axis, ...]:
    """Look objectives up and settle their directions.

    Raises:
        UnknownNameError: no figure has that name.
    """
    quantities = [quantity(objective.metric) for objective in objectives]
    return tuple(
        Axis(quantity=found, direction=objective.direction or found.direction)
        for objective, found in zip(objectives, quantities, strict=True)
    )


def points_in(
    records: Sequence[TrialRecord], axes: Sequence[Axis], device: str | None = None, *, state: TrialState = "complete"
) -> tuple[Point, ...]:
    """The trials of one state that have every figure, as points in the order of their numbers.

    Args:
        records: trials in any state.
        axes: the objectives.
        device: whose latency and memory to take; None: each trial's first device.
        state: `complete`; or `held`: then figures count that the profile does not accept.

    Raises:
        UnknownNameError: no trial was measured on that device.
    """
    targets = {split_target(axis.metric)[1] for axis in axes}
    known = {name for record in records for name in (*record.device_figures, *record.unaccepted)}
    if device is not None and device not in known | targets:
        raise UnknownNameError("device", device, known, "name one that the study measured on")
    points = []
    for record in sorted(records, key=lambda record: record.number):
        figures = figures_of(record, device)
        if record.state != state or any(axis.metric not in figures for axis in axes):
            continue
        if device is not None and device not in targets | record.device_figures.keys() | record.unaccepted.keys():
            continue
        points.append(
            Point(
                record=record,
                values=tuple(figures[axis.metric] for axis in axes),
                ranges=tuple(range_of(figures, axis.metric) for axis in axes),
                disturbed=tuple(is_disturbed(record, axis.metric, device) for axis in axes),
            )
        )
    return tuple(points)


def is_disturbed(record: TrialRecord, metric: str, device: str | None = None) -> bool:
    """Whether a figure is of a measurement whose verdict is not `ok`; what no device told never is.

    Args:
        record: the trial.
        metric: the figure, with or without a target.
        device: whose figures go by their plain names; None: of several devices any.
    """
    base, target = split_target(metric)
    if base not in DEVICE_FIGURES:
        return False
    asked = target or device
    verdicts = [record.verdicts[asked]] if asked in record.verdicts else list(record.verdicts.values())
    return any(verdict != "ok" for verdict in verdicts)


def of_device(axes: Sequence[Axis], device: str | None) -> tuple[Axis, ...]:
    """The objectives that count on one device: those of other devices are left out.

    Args:
        axes: the study's; each device may have its own latency.
        device: the device; None: all of them count.

    Raises:
        UnknownNameError: every objective is another device's.
    """
    if device is None:
        return tuple(axes)
    own = tuple(axis for axis in axes if split_target(axis.metric)[1] in (None, device))
    if not own:
        targets = {target for axis in axes if (target := split_target(axis.metric)[1])}
        raise UnknownNameError("device", device, targets, "every objective is one of theirs")
    return own


def minimised(points: Sequence[Point], axes: Sequence[Axis]) -> NDArray[np.float64]:
    """Values as numeric code wants them.

    Returns:
        (n, m), n points in m objectives, signs turned such that less is better.
    """
    values = np.array([point.values for point in points], dtype=np.float64).reshape(len(points), len(axes))
    return values * np.array([axis.sign for axis in axes])
