"""Parallel coordinates: every trial a line through its fields and figures.

Drawn with plain lines. Plotly's own trace of that kind compiles code in the browser, which a page's policy forbids, and
needs WebGL.
"""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqn.look.palette import ACCENT, FAINT, GRID, INK, LIMIT, MUTED
from mqn.quantities import find_quantity, number_text
from mqn.records import TrialRecord
from mqn.report.front.charts import axis_title
from mqn.report.pages.axes import dress, hover
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.view import View

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST = 2000
"""So many of the latest trials are drawn; more would be a blot, and slow."""
_TICKS, _LABEL, _DECADES = 5, 16, 100.0

Brush = Mapping[str, Sequence[float]]
"""Name of an axis to the smallest and the largest value that a line may have there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelAxis:
    """One axis.

    Attributes:
        name: the figure or the candidate's field.
        label: its heading.
        values: one for each trial; of words their places among `words`.
        low: the value at its lower end.
        high: the value at its upper end.
        words: the words in order; none: the axis has numbers.
    """

    name: str
    label: str
    values: tuple[float, ...]
    low: float
    high: float
    words: tuple[str, ...] = ()

    @property
    def logarithmic(self) -> bool:
        """Whether values that lie orders of magnitude apart are spread evenly by their logarithms."""
        return not self.words and self.low > 0 and self.high / self.low > _DECADES

    def height(self, value: float) -> float:
        """Where a value stands between the lower end, 0, and the upper one, 1."""
        if self.high == self.low:
            return 0.5
        if self.logarithmic:
            return math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value(self, height: float) -> float:
        """The value at a height."""
        if self.logarithmic:
            return self.low * (self.high / self.low) ** height
        return self.low + height * (self.high - self.low)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Heights and what stands there."""
        if self.words:
            return [(self.height(place), word) for place, word in enumerate(self.words)]
        if self.high == self.low:
            return [(0.5, number_text(self.low))]
        heights = [step / (_TICKS - 1) for step in range(_TICKS)]
        return [(height, number_text(self.value(height))) for height in heights]


def lay_parallel(view: View, panel: Panel) -> tuple[list[TrialRecord], list[ParallelAxis]]:
    """The trials that have a value on every axis of a panel, the latest `MOST` and the front, and these axes."""
    names = panel.axes or (*view.varied, *(axis.metric for axis in view.axes))
    told = [(record, view.values(record, names)) for record in view.complete]
    whole = [(record, values) for record, values in told if None not in values]
    late = set(range(len(whole) - MOST, len(whole)))
    kept = [pair for place, pair in enumerate(whole) if place in late or pair[0].number in view.best]
    columns = zip(*(values for _, values in kept), strict=True) if kept else ([] for _ in names)
    return [record for record, _ in kept], [_axis(name, list(own)) for name, own in zip(names, columns, strict=True)]


def passing(records: Sequence[TrialRecord], axes: Sequence[ParallelAxis], brush: Brush) -> list[TrialRecord]:
    """The trials whose lines pass through every range of a brush."""
    known = {axis.name: axis for axis in axes}
    ranges = [(known[name], low, high) for name, (low, high) in brush.items() if name in known]
    return [
        record
        for place, record in enumerate(records)
        if all(low <= axis.values[place] <= high for axis, low, high in ranges)
    ]


def draw_parallel(view: View, panel: Panel, brush: Brush | None = None) -> Figure:
    """Draw the trials as lines: the front in colour, those that do not pass through the brush faded."""
    from plotly.graph_objects import Figure

    records, axes = lay_parallel(view, panel)
    kept = {record.number for record in passing(records, axes, brush or {})}
    heights = {
        record.number: [axis.height(axis.values[place]) for axis in axes] for place, record in enumerate(records)
    }
    best = [record for record in records if record.number in view.best]
    figure = Figure()
    groups = (
        ([r for r in records if r.number not in kept], GRID, 0.6),
        ([r for r in records if r.number in kept and r.number not in view.best], FAINT, 0.9),
        ([r for r in best if r.number in kept], ACCENT, 1.8),
    )
    for some, color, width in groups:
        xs, ys = _lines(heights[record.number] for record in some)
        figure.add_scatter(x=xs, y=ys, mode="lines", line={"color": color, "width": width}, hoverinfo="skip")
    _add_points(figure, [record for record in best if record.number in kept], heights)
    drawn = _draw_axes(axes, brush or {})
    if len(records) < len(view.complete):
        words = f"{len(records):,} of {len(view.complete):,} trials: the latest, and the front"
        place = {"x": 1, "y": -0.06, "xref": "paper", "yref": "paper"}
        drawn["annotations"].append({"text": words, **place, "showarrow": False, "font": {"size": 11}})
    figure.update_layout(**drawn)
    dress(figure, panel, legend=False, margin={"l": 40, "r": 40, "t": 64, "b": 28})
    figure.update_xaxes(visible=False, range=[-0.2, len(axes) - 0.45], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-0.06, 1.04], fixedrange=True)
    return figure


def _lines(rows: Iterable[Sequence[float]]) -> tuple[list[float | None], list[float | None]]:
    """Lines as one: a gap follows each."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for row in rows:
        xs += [*range(len(row)), None]
        ys += [*row, None]
    return xs, ys


def _add_points(figure: Figure, best: Sequence[TrialRecord], heights: Mapping[int, Sequence[float]]) -> None:
    """Points where the front's lines cross the axes: they tell the trial, and can be clicked."""
    points = [(x, y, hover(record), record.number) for record in best for x, y in enumerate(heights[record.number])]
    xs, ys, texts, numbers = zip(*points, strict=True) if points else ((), (), (), ())
    figure.add_scatter(
        x=xs,
        y=ys,
        text=texts,
        customdata=numbers,
        mode="markers",
        marker={"color": ACCENT, "size": 5},
        unselected={"marker": {"opacity": 1}},
        hovertemplate="%{text}<extra></extra>",
    )


def _draw_axes(axes: Sequence[ParallelAxis], brush: Brush) -> dict[str, list[dict[str, Any]]]:
    """The axes as parts of a layout: lines and brushes, ticks and labels. Added one by one they take seconds."""
    shapes: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    tick = {"xanchor": "left", "xshift": 3, "font": {"size": 11, "color": MUTED}, "bgcolor": "rgba(255,255,255,0.75)"}
    for place, axis in enumerate(axes):
        shapes.append({"type": "line", "x0": place, "x1": place, "y0": 0, "y1": 1, "line": {"color": INK, "width": 1}})
        if axis.name in brush:
            low, high = (min(max(axis.height(end), 0.0), 1.0) for end in brush[axis.name])
            box = {"x0": place - 0.03, "x1": place + 0.03, "y0": low, "y1": high, "fillcolor": "rgba(179,38,30,0.15)"}
            shapes.append({"type": "rect", **box, "line": {"color": LIMIT, "width": 1.5}})
        notes += [{"text": html.escape(word), "x": place, "y": height, **tick} for height, word in axis.ticks]
        lines = textwrap.wrap(axis.label, _LABEL, break_long_words=False)
        label = {"yanchor": "bottom", "font": {"size": 12, "color": INK}}
        notes.append({"text": "<br>".join(map(html.escape, lines)), "x": place, "y": 1.03, **label})
    return {"shapes": shapes, "annotations": [{"showarrow": False, **note} for note in notes]}


def _axis(name: str, values: Sequence[Any]) -> ParallelAxis:
    label = axis_title(name) if find_quantity(name) else name.partition(".")[2]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        numbers: tuple[float, ...] = tuple(map(float, values))
        words: tuple[str, ...] = ()
    else:
        words = tuple(sorted({str(value) for value in values}))
        places = {word: float(place) for place, word in enumerate(words)}
        numbers = tuple(places[str(value)] for value in values)
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    return ParallelAxis(name=name, label=label, values=numbers, low=low, high=high, words=words)
