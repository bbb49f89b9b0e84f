"""A selection in words and as a table: the best trials, and why the first one was taken."""

from __future__ import annotations

from mqn.quantities import quantity
from mqn.records import Range
from mqn.report.front.selection import Selection


def selection_table(found: Selection, top: int) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the first trials, with their 95 % ranges and the trials that they were not told apart from."""
    knee = [] if found.ranked[0].knee is None else ["gives up"]
    axes = [axis.quantity.axis for axis in found.axes]
    rows = [
        [
            str(one.record.number),
            one.record.label,
            *(_cell(axis.metric, one.values[axis.metric], one.ranges[axis.metric]) for axis in found.axes),
            *([] if one.knee is None else [f"{one.knee:.3f}"]),
            " ".join(f"#{number}" for number in one.alike),
            ", ".join(sorted(set(one.record.verdicts.values()))),
        ]
        for one in found.ranked[:top]
    ]
    return ["trial", "candidate", *axes, *knee, "not told apart from", "verdict"], rows


def selection_lines(found: Selection, top: int) -> list[str]:
    """The trial that is picked, its figures, and why; and how many there are, where that is fewer than `top`."""
    first, there = found.ranked[0], found.among
    few = [f"there {'is' if there == 1 else 'are'} {there} to choose from, not {top}"] if top > there else []
    figures = ", ".join(f"{name} {quantity(name).table_text(value)}" for name, value in first.values.items())
    picked = f"trial {first.record.number}: {first.record.label}, {figures}"
    return [*few, picked, *(f"  {line}" for line in found.why)]


def _cell(metric: str, value: float, found: Range | None) -> str:
    text = quantity(metric).text
    return text(value) if found is None else f"{text(value)} ({text(found.low)} to {text(found.high)})"
