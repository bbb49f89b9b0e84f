"""A front as charts, before anything is drawn: marks, stairs and limits as plain numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from mqn.look.palette import (
    ALIKE,
    BEATEN,
    BEST,
    FAINT,
    FRONT,
    HELD,
    INFEASIBLE,
    MUTED,
    OVERLAPPING,
    RANGE,
    RANGES,
    SEED_RANGES,
    UNSTEADY,
)
from mqn.quantities import quantity, split_target
from mqn.records import Range
from mqn.report.front.front import Front
from mqn.report.front.points import Axis, Point

TRIAL = "trial"
T = TypeVar("T")
Place = tuple[float, float]
Symbol = Literal["circle", "diamond", "x"]
"""As plotly names it; `_MARKERS` in `mqn.report.figures.front_picture` says the same to matplotlib."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A trial on a chart.

    Attributes:
        x: on the horizontal axis.
        y: on the vertical axis.
        point: the trial.
        x_range: 95 % confidence range of x; None if unknown.
        y_range: the same for y.
        same: numbers of the front's other trials that it cannot be told apart from: in any objective where accuracies
            were compared, else in latency.
        hollow: whether a figure on these axes comes from a disturbed measurement.
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
        """Possible labels, the longest first: `#12 ≈ #13, ca w0.35 int8+dynamic`."""
        number = f"#{self.point.record.number}"
        if not self.same:
            return self.point.name, number
        short = f"{number} ≈ " + " ".join(f"#{other}" for other in self.same)
        return f"{short}, {self.point.record.label}", short, f"{number} ≈"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A constraint's line: the axis that its value belongs to, and the constraint in words."""

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
        stairs: corners of the staircase along the front; empty unless there are two objectives.
        limits: constraints on either axis.
        compared: whether accuracies were compared, so that their ranges are drawn too.
    """

    x: str
    y: str
    best: tuple[Mark, ...]
    beaten: tuple[Mark, ...]
    infeasible: tuple[Mark, ...]
    held: tuple[Mark, ...]
    stairs: tuple[Place, ...]
    limits: tuple[Limit, ...]
    compared: bool = False

    @property
    def front(self) -> tuple[str, tuple[Mark, ...], Symbol, str]:
        """The front: name in the legend, marks, symbol and colour."""
        return BEST, self.best, "circle", FRONT

    @property
    def others(self) -> tuple[tuple[str, tuple[Mark, ...], Symbol, str], ...]:
        """Trials that are not on the front: name in the legend, marks, symbol and colour."""
        return (
            (INFEASIBLE, self.infeasible, "x", FAINT),
            (BEATEN, self.beaten, "circle", FAINT),
            (HELD, self.held, "diamond", MUTED),
        )

    @property
    def ranges(self) -> tuple[tuple[Place, Place], ...]:
        """The ranges of the front's latencies and accuracies as lines, from end to end."""
        across = [((m.x_range.low, m.y), (m.x_range.high, m.y)) for m in self.best if m.x_range is not None]
        upward = [((m.x, m.y_range.low), (m.x, m.y_range.high)) for m in self.best if m.y_range is not None]
        return (*across, *upward)

    @property
    def range_name(self) -> str:
        """The name of the ranges in a legend; explains `≈` if it is shown."""
        if not self.compared and any(mark.point.confirmed_by for mark in self.best):
            return SEED_RANGES
        plain, marked = (RANGES, ALIKE) if self.compared else (RANGE, OVERLAPPING)
        return marked if any(mark.same for mark in self.best) else plain


def by_steadiness(name: str, items: Iterable[T], hollow: Callable[[T], bool]) -> Iterator[tuple[str, list[T], bool]]:
    """Split items into steady and disturbed ones; the latter are drawn hollow.

    Yields:
        Name in the legend, items, and whether they are hollow. Empty parts are left out.
    """
    parts: tuple[list[T], list[T]] = [], []
    for item in items:
        parts[hollow(item)].append(item)
    for part, unsteady in zip(parts, (False, True), strict=True):
        if part:
            yield f"{name}, {UNSTEADY}" if unsteady else name, part, unsteady


def axis_title(metric: str) -> str:
    """A figure's label with its unit; `Trial` for the trials' numbers."""
    return "Trial" if metric == TRIAL else quantity(metric).axis


def front_charts(front: Front) -> tuple[FrontChart, ...]:
    """Lay out a front in charts of two axes: one chart for two objectives, one for each two of more.

    Cost lies on the horizontal axis and accuracy on the vertical one where an objective is of either kind. The same
    figure of two devices makes no chart: every device has its own chart with accuracy.
    """
    if len(front.axes) == 1:
        return (_chart(front, None, 0),)
    return tuple(_chart(front, *pair) for pair in chart_pairs(front.axes))


def chart_pairs(axes: Sequence[Axis]) -> list[tuple[int, int]]:
    """The charts of two objectives or more: the places of the horizontal and the vertical one among the objectives."""
    figures = [split_target(axis.metric)[0] for axis in axes]
    pairs = [pair for pair in itertools.combinations(range(len(figures)), 2) if figures[pair[0]] != figures[pair[1]]]
    pairs = pairs or [(0, 1)]  # One figure on several devices is all there is.
    return [_cost_first(axes, *pair) for pair in pairs]


def stairs(places: Iterable[Place], x: Axis) -> tuple[Place, ...]:
    """Corners from left to right: what lies on a straight line between two trials of a front was never reached."""
    ranked = sorted(places)
    corners: list[Place] = []
    for left, right in itertools.pairwise(ranked):
        corners += [left, (right[0], left[1]) if x.direction == "minimize" else (left[0], right[1])]
    return (*corners, *ranked[-1:])


def _cost_first(axes: Sequence[Axis], first: int, second: int) -> tuple[int, int]:
    swap = axes[first].direction == "maximize" and axes[second].direction == "minimize"
    return (second, first) if swap else (first, second)


def _chart(front: Front, x: int | None, y: int) -> FrontChart:
    others_of = front.alike if front.compared else front.indistinct
    same = {point.record.number: others for point, others in zip(front.points, others_of, strict=True)}

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
        stairs=() if x is None or len(front.axes) != 2 else stairs(((mark.x, mark.y) for mark in best), front.axes[x]),
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
        compared=bool(front.compared),
    )
