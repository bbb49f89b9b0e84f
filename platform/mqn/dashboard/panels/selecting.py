"""Choosing a model on the page: limits, the best within them, and trials beside each other."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mqn.look.blocks import Cell, Row, Table
from mqn.quantities import find_quantity, quantity
from mqn.records import TrialRecord
from mqn.report.front.charts import axis_title
from mqn.report.front.choice.wish import Wish
from mqn.report.front.points import range_of
from mqn.report.front.scorebook import Scorebook
from mqn.report.front.selection import select
from mqn.report.pages.view import View
from mqn.search.space.goals import Objective

MOST_BESIDE = 3
_STEPS = 200
_ENDS = re.compile(r"/|_low$|_high$")
"""Figures of one device, and ends of ranges, which stand with their figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A limit that can be set, within what the trials reached.

    Attributes:
        metric: the figure.
        heading: its label and the way that it is limited.
        largest: whether it is a largest value; else a smallest one.
        low: the smallest value that a complete trial has, rounded down.
        high: the largest one, rounded up.
        step: from one value to the next.
    """

    metric: str
    heading: str
    largest: bool
    low: float
    high: float
    step: float

    @property
    def open(self) -> float:
        """The value that limits nothing."""
        return self.high if self.largest else self.low


def knobs_of(view: View) -> list[Knob]:
    """A limit for each objective, each figure of a constraint and the file's size, where complete trials differ."""
    limited = [constraint.metric for constraint in view.constraints]
    found = []
    for metric in dict.fromkeys((*(axis.metric for axis in view.axes), *limited, "size_bytes")):
        values = [value for record in view.complete if (value := record.figure(metric, view.device)) is not None]
        if not values or min(values) == max(values):
            continue
        step = _round_step((max(values) - min(values)) / _STEPS)
        largest = quantity(metric).direction == "minimize"
        words = "at most" if largest else "at least"
        low, high = math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step
        heading = f"{axis_title(metric)}, {words}"
        found.append(
            Knob(metric=metric, heading=heading, largest=largest, low=_clean(low), high=_clean(high), step=step)
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A trial that was picked.

    Attributes:
        record: the trial.
        why: how it came to be picked, in lines.
        command: what picks the same one on the command line.
    """

    record: TrialRecord
    why: tuple[str, ...]
    command: str


def choose(
    view: View,
    objectives: Sequence[Objective],
    by: str | None,
    limits: Mapping[str, float],
    knobs: Sequence[Knob],
    book: Scorebook | None = None,
) -> Choice:
    """The best trial within limits, as `mqn select` picks it.

    Args:
        view: the study.
        objectives: the study's.
        by: the figure to be best in; None: the knee of the front.
        limits: figure to its limit; a limit at the knob's open end limits nothing.
        knobs: say which way each figure is limited.
        book: what trials scored on every picture; None: accuracies are compared by their values alone.

    Raises:
        NothingSatisfiesError: no trial is within the limits; says what the nearest misses.
        StudyError: the study is simulated.
        UnknownNameError: there is no such figure.
    """
    set_knobs = [knob for knob in knobs if knob.metric in limits and limits[knob.metric] != knob.open]
    wish = Wish(
        by=by,
        at_most={knob.metric: limits[knob.metric] for knob in set_knobs if knob.largest},
        at_least={knob.metric: limits[knob.metric] for knob in set_knobs if not knob.largest},
        devices=() if view.device is None else (view.device,),
    )
    found = select(view.records, objectives, wish, book=book)
    words = ["mqn select", view.study, *(["--by", by] if by is not None else [])]
    words += [word for name, value in wish.at_most.items() for word in ("--max", f"{name}={value:g}")]
    words += [word for name, value in wish.at_least.items() for word in ("--min", f"{name}={value:g}")]
    words += ["--device", view.device] if view.device else []
    return Choice(record=found.picked, why=found.why, command=" ".join(words))


def set_beside(records: Sequence[TrialRecord], view: View) -> Table:
    """Trials beside each other, a column each: figures with their ranges, then what differs in the candidate."""
    best: dict[str, int] = {}
    named = [record.figures_by_name(view.device) for record in records]
    goals = [axis.metric for axis in view.axes]
    shared = [name for name in dict.fromkeys(name for own in named for name in own) if not _ENDS.search(name)]
    figures = list(dict.fromkeys((*goals, *sorted(name for name in shared if find_quantity(name)))))
    for name in figures:
        values = [own.get(name) for own in named]
        known = [value for value in values if value is not None]
        if len(known) > 1 and min(known) != max(known):
            better = max(known) if quantity(name).direction == "maximize" else min(known)
            best[name] = values.index(better)
    rows = [
        Row(
            cells=(
                Cell(text=axis_title(name)),
                *(_figure(name, own, best.get(name) == i) for i, own in enumerate(named)),
            )
        )
        for name in figures
    ]
    flats = [record.candidate.flat() for record in records]
    keys = dict.fromkeys(key for flat in flats for key in flat)
    differing = [key for key in keys if len({str(flat.get(key)) for flat in flats}) > 1]
    rows += [
        Row(cells=(Cell(text=key), *(Cell(text=_field(flat.get(key, "")), kind="number") for flat in flats)))
        for key in differing
    ]
    rows.append(Row(cells=(Cell(text="verdict"), *(Cell(text=", ".join(r.verdicts.values())) for r in records))))
    head = (Cell(text=""), *(Cell(text=f"#{record.number} {record.label}", kind="number") for record in records))
    return Table(head=head, rows=tuple(rows))


def _figure(name: str, own: Mapping[str, float], best: bool) -> Cell:
    if name not in own:
        return Cell(text="", kind="number")
    text = quantity(name).text
    told = range_of(own, name)
    notes = () if told is None else (f"{text(told.low)} to {text(told.high)}",)
    return Cell(text=text(own[name]), kind="number", tone="good" if best else "", notes=notes)


def _field(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _round_step(step: float) -> float:
    """The next step that people count in: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return _clean(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step))


def _clean(value: float) -> float:
    """Without the dust of binary fractions: 0.30000000000000004 is 0.3."""
    return float(f"{value:.10g}")
