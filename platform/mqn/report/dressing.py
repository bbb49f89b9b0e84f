"""The look and the words that a page's figures share."""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mqn.records import TrialRecord
from mqn.report.board import Panel
from mqn.report.palette import FAINT, GRID, INK, MUTED, PAPER, SERIES

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def colors() -> Iterator[str]:
    """Colours for categories, over and over."""
    return itertools.cycle(SERIES)


def trial_name(record: TrialRecord) -> str:
    """A trial's number and label, safe to stand in HTML."""
    return html.escape(f"#{record.number} {record.candidate.label}")


def hover(record: TrialRecord) -> str:
    """What a trial is and what it came to, as lines of HTML."""
    figures = [f"{name} {value:.5g}" for name, value in sorted(record.figures.items()) if "." not in name]
    verdicts = [f"{device}: {verdict}" for device, verdict in record.verdicts.items()]
    candidate = record.candidate
    fields = [
        f"width {candidate.arch.width:g}, decoder {candidate.arch.decoder_width:g}, {candidate.arch.upsampling}",
        f"codec {candidate.training.codec}, seed {candidate.training.seed}, {candidate.training.epochs} epochs",
        f"cut {candidate.plan.cut}",
    ]
    lines = [html.escape(line) for line in (*fields, *figures, *verdicts)]
    return "<br>".join([f"<b>{trial_name(record)}</b>", *lines])


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
