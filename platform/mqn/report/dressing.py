"""The look and the words that a page's figures share."""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mqn.quantities import find_quantity
from mqn.records import Range, TrialRecord
from mqn.report.board import Panel
from mqn.report.certainty import range_of
from mqn.report.front import miss_text
from mqn.report.palette import FAINT, GRID, INK, MUTED, PAPER, SERIES

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def colors() -> Iterator[str]:
    """Colours for categories, over and over."""
    return itertools.cycle(SERIES)


def trial_name(record: TrialRecord) -> str:
    """A trial's number and label, safe to stand in HTML."""
    return html.escape(f"#{record.number} {record.label}")


def hover(record: TrialRecord, same: Sequence[int] = ()) -> str:
    """What a trial is and what it came to, as lines of HTML.

    Args:
        record: the trial.
        same: numbers of the trials that it cannot be told apart from in latency.
    """
    figures = [
        f"{name} {_value_text(name, value)}{_range_text(range_of(record.figures, name))}"
        for name, value in sorted(record.figures.items())
        if "." not in name
    ]
    if same:
        figures.append("≈ " + ", ".join(f"#{number}" for number in same) + " in latency")
    verdicts = [f"{device}: {verdict}" for device, verdict in record.verdicts.items()]
    verdicts += [f"breaks {name} by {miss_text(name, by)}" for name, by in record.violations.items() if by > 0]
    verdicts += [f"waits: {record.waits}"] if record.waits else []
    candidate = record.candidate
    fields = [
        f"width {candidate.arch.width:g}, decoder {candidate.arch.decoder_width:g}, {candidate.arch.upsampling}",
        f"codec {candidate.training.codec}, seed {candidate.training.seed}, {candidate.training.epochs} epochs",
        f"cut {candidate.plan.cut}",
    ]
    lines = [html.escape(line) for line in (*fields, *figures, *verdicts)]
    return "<br>".join([f"<b>{trial_name(record)}</b>", *lines])


def _value_text(name: str, value: float) -> str:
    known = find_quantity(name)
    return f"{value:.5g}" if known is None else known.text(value)


def _range_text(found: Range | None) -> str:
    return "" if found is None else f" ({found.low:.4g} to {found.high:.4g})"


def dress(figure: Figure, panel: Panel, *, legend: bool = True, margin: dict[str, int] | None = None) -> Figure:
    """Give a figure the look that all panels share.

    Args:
        figure: changed in place.
        panel: for its height.
        legend: whether it has one.
        margin: in pixels, where the usual one does not do.

    Returns:
        The same figure.
    """
    figure.update_layout(
        template="none",
        height=panel.height,
        margin=margin or {"l": 64, "r": 20, "t": 12, "b": 52},
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        font={"family": "system-ui, 'Segoe UI', Roboto, sans-serif", "color": INK, "size": 12},
        showlegend=legend,
        legend={"orientation": "h", "y": -0.2, "x": 0, "font": {"color": MUTED}},
        hoverlabel={"bgcolor": PAPER, "bordercolor": FAINT, "font": {"color": INK}, "align": "left"},
        hovermode="closest",
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, tickfont={"color": MUTED}, automargin=True)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True)
    return figure
