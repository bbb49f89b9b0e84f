"""What figures show, before anything is drawn: points, stairs and limits as plain numbers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mqn.quantities import quantity, split_target
from mqn.records import Range
from mqn.report.front import Front
from mqn.report.points import Axis, Point

TRIAL = "trial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A trial on a chart.

    Attributes:
        x: on the horizontal axis.
        y: on the vertical axis.
        point: the trial.
        x_range: where x lies with 95 % confidence; None where that is not known.
        y_range: likewise y.
        same: numbers of the front's other trials that it cannot be told apart from in latency.
        hollow: whether a figure on these axes is of a disturbed measurement; what no device told never is.
    """

    x: float
    y: float
    point: Point
    x_range: Range | None = None
    y_range: Range | None = None
    same: tuple[int, ...] = ()
    hollow: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What the mark may be labelled with, the fullest first: `#12 ≈ #13, ca w0.35 int8+dynamic`."""
        number = f"#{self.point.record.number}"
        if not self.same:
            return self.point.name, number
        short = f"{number} ≈ " + " ".join(f"#{other}" for other in self.same)
        return f"{short}, {self.point.record.label}", short, f"{number} ≈"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A constraint's line.

    Attributes:
        side: the axis that the value is read on.
        value: in the figure's unit.
        text: the constraint in words: `latency_ms <= 21`.
    """

    side: Literal["x", "y"]
    value: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontChart:
    """A front over two of its objectives, or over the trials' numbers where there is one objective.

    Attributes:
        x: figure on the horizontal axis, or `trial`.
        y: figure on the vertical axis.
        best: the front, from left to right.
        beaten: feasible trials that are beaten.
        infeasible: trials that break a constraint.
        held: trials that wait for a steady device.
        stairs: corners of the line between reached and not reached; empty unless there are two objectives.
        limits: constraints on either axis.
    """

    x: str
    y: str
    best: tuple[Mark, ...]
    beaten: tuple[Mark, ...]
    infeasible: tuple[Mark, ...]
    held: tuple[Mark, ...]
    stairs: tuple[tuple[float, float], ...]
    limits: tuple[Limit, ...]


def axis_title(metric: str) -> str:
    """A figure's label with its unit; `Trial` for the trials' numbers."""
    return "Trial" if metric == TRIAL else quantity(metric).axis


def front_charts(front: Front) -> tuple[FrontChart, ...]:
    """Lay a front out in charts of two axes each: one for two objectives, one a pair for more.

    Cost lies on the horizontal axis and accuracy on the vertical one where an objective is of either kind. The same
    figure of two devices makes no pair: every device has its own chart beside accuracy.

    Args:
        front: the front; its constraints are drawn where a chart has their figure.
    """
    if len(front.axes) == 1:
        return (_chart(front, None, 0),)
    figures = [split_target(axis.metric)[0] for axis in front.axes]
    pairs = [pair for pair in itertools.combinations(range(len(figures)), 2) if figures[pair[0]] != figures[pair[1]]]
    pairs = pairs or [(0, 1)]  # Nothing but one figure on several devices.
    return tuple(_chart(front, *_cost_first(front.axes, *pair)) for pair in pairs)


def stairs(marks: Sequence[Mark], x: Axis) -> tuple[tuple[float, float], ...]:
    """Join a front of two objectives by what can be had for certain, not by straight lines between trials.

    Args:
        marks: the front.
        x: the horizontal objective.

    Returns:
        Corners from left to right.
    """
    ranked = sorted(marks, key=lambda mark: mark.x)
    corners: list[tuple[float, float]] = []
    for left, right in itertools.pairwise(ranked):
        corner = (right.x, left.y) if x.direction == "minimize" else (left.x, right.y)
        corners += [(left.x, left.y), corner]
    return (*corners, *((mark.x, mark.y) for mark in ranked[-1:]))


def _cost_first(axes: Sequence[Axis], first: int, second: int) -> tuple[int, int]:
    swap = axes[first].direction == "maximize" and axes[second].direction == "minimize"
    return (second, first) if swap else (first, second)


def _chart(front: Front, x: int | None, y: int) -> FrontChart:
    same = {point.record.number: others for point, others in zip(front.points, front.indistinct, strict=True)}

    def marks(points: Sequence[Point]) -> tuple[Mark, ...]:
        placed = [
            Mark(
                x=point.record.number if x is None else point.values[x],
                y=point.values[y],
                point=point,
                x_range=None if x is None else point.ranges[x],
                y_range=point.ranges[y],
                same=same.get(point.record.number, ()),
                hollow=point.disturbed[y] or (x is not None and point.disturbed[x]),
            )
            for point in points
        ]
        return tuple(sorted(placed, key=lambda mark: (mark.x, mark.y)))

    names = {"x": TRIAL if x is None else front.axes[x].metric, "y": front.axes[y].metric}
    best = marks(front.points)
    return FrontChart(
        x=names["x"],
        y=names["y"],
        best=best,
        beaten=marks(front.beaten),
        infeasible=marks(front.infeasible),
        held=marks(front.held),
        stairs=stairs(best, front.axes[x]) if x is not None and len(front.axes) == 2 else (),
        limits=tuple(
            Limit(
                side="x" if constraint.metric == names["x"] else "y",
                value=value,
                text=f"{constraint.metric} {sign} {quantity(constraint.metric).text(value)}",
            )
            for constraint in front.constraints
            if constraint.metric in names.values()
            for sign, value in (("<=", constraint.max), (">=", constraint.min))
            if value is not None
        ),
    )
