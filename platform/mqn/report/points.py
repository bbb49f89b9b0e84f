"""Trials as points on the objectives' axes. Values stay as measured; `minimised` turns signs for numeric code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mqn.errors import UnknownNameError
from mqn.quantities import Direction, Quantity, quantity, split_target
from mqn.records import Range, TrialRecord
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
        steady: whether every verdict behind the values is `ok`; figures mark those that are not.
    """

    record: TrialRecord
    values: tuple[float, ...]
    ranges: tuple[Range | None, ...]
    steady: bool

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


def complete_points(
    records: Sequence[TrialRecord], axes: Sequence[Axis], device: str | None = None
) -> tuple[Point, ...]:
    """The complete trials that have every figure, as points in the order of their numbers.

    Args:
        records: trials in any state.
        axes: the objectives.
        device: whose latency and memory to take; None: each trial's first device.

    Raises:
        UnknownNameError: no trial was measured on that device.
    """
    targets = {split_target(axis.metric)[1] for axis in axes}
    known = {name for record in records for name in record.device_figures}
    if device is not None and device not in known | targets:
        raise UnknownNameError("device", device, known, "name one that the study measured on")
    points = []
    for record in sorted(records, key=lambda record: record.number):
        figures = figures_of(record, device)
        if record.state != "complete" or any(axis.metric not in figures for axis in axes):
            continue
        if device is not None and device not in targets | record.device_figures.keys():
            continue
        verdicts = [record.verdicts[device]] if device in record.verdicts else list(record.verdicts.values())
        points.append(
            Point(
                record=record,
                values=tuple(figures[axis.metric] for axis in axes),
                ranges=tuple(range_of(figures, axis.metric) for axis in axes),
                steady=all(verdict == "ok" for verdict in verdicts),
            )
        )
    return tuple(points)


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
