"""Axes, colours and hover texts that all panels share."""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mqn.look import charts
from mqn.look.palette import GRID, MUTED, SERIES
from mqn.parsing import to_plain
from mqn.quantities import find_quantity
from mqn.records import Candidate, Range, TrialRecord
from mqn.report.front.points import range_of
from mqn.report.pages.dashboard import Panel
from mqn.search.gate.words import miss_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def colors() -> Iterator[str]:
    """Colours for categories, over and over."""
    return itertools.cycle(SERIES)


def trial_name(record: TrialRecord) -> str:
    """A trial's number and label, safe to stand in HTML."""
    return html.escape(f"#{record.number} {record.label}")


def hover(record: TrialRecord, same: Sequence[int] = (), confirmed_by: Sequence[TrialRecord] = ()) -> str:
    """Describe a trial as lines of HTML.

    Args:
        record: the trial.
        same: numbers of trials that cannot be told apart from it.
        confirmed_by: trials that confirm it with further seeds.
    """
    named = record.figures_by_name()
    figures = [
        f"{name} {_value_text(name, value)}{_range_text(range_of(named, name))}"
        for name, value in sorted(named.items())
        if "." not in name and not ("/" in name and len(record.targets) == 1)
    ]
    if same:
        figures.append("≈ " + ", ".join(f"#{number}" for number in same) + ": not told apart")
    if confirmed_by:
        figures.append(f"confirmed by {_numbers(confirmed_by)}: drawn at the mean over {len(confirmed_by) + 1} seeds")
    if record.confirms is not None:
        figures.append(f"confirms #{record.confirms}")
    verdicts = [f"{device}: {verdict}" for device, verdict in record.verdicts.items()]
    verdicts += [f"breaks {name} by {miss_text(name, by)}" for name, by in record.violations.items() if by > 0]
    verdicts += [f"waits: {record.waits}"] if record.waits else []
    candidate = record.candidate
    fields = [
        f"{candidate.arch.family}: {_network_text(candidate)}",
        f"codec {candidate.training.codec}, seed {candidate.training.seed}, {candidate.training.epochs} epochs",
        f"cut {candidate.plan.cut}",
    ]
    lines = [html.escape(line) for line in (*fields, *figures, *verdicts)]
    return "<br>".join([f"<b>{trial_name(record)}</b>", *lines])


def _numbers(records: Sequence[TrialRecord]) -> str:
    return ", ".join(f"#{record.number}" for record in records)


def _network_text(candidate: Candidate) -> str:
    """All fields of the network that are not weights: `attention ca, width 0.35`."""
    hidden = {"family", "input_size", *candidate.family.weight_fields}
    fields = {name: value for name, value in to_plain(candidate.arch).items() if name not in hidden}
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in fields.items()
    )


def _value_text(name: str, value: float) -> str:
    known = find_quantity(name)
    return f"{value:.5g}" if known is None else known.text(value)


def _range_text(found: Range | None) -> str:
    return "" if found is None else f" ({found.low:.4g} to {found.high:.4g})"


def dress(figure: Figure, panel: Panel, *, legend: bool = True, margin: dict[str, int] | None = None) -> Figure:
    """Give a figure, changed in place, the look that all panels share."""
    charts.dress(figure, height=panel.height, margin=margin or {"l": 64, "r": 20, "t": 12, "b": 52})
    figure.update_layout(showlegend=legend, legend={"y": -0.2, "x": 0}, hovermode="closest")
    figure.update_xaxes(gridcolor=GRID, zeroline=False, tickfont={"color": MUTED}, automargin=True)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True)
    return figure
