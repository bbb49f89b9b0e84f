"""The panel of jobs: what ran on which machine and device, from when to when."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mqn.report.pages.dashboard import Panel
from mqn.report.pages.view import View
from mqn.report.timeline.drawing import draw_timeline
from mqn.report.timeline.summary import summarise
from mqn.report.timeline.timeline import Timeline, make_timeline

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_JOBS = 1500
"""A browser draws so many bars without stalling; `mqn timeline` draws all."""


def has_times(view: View) -> bool:
    """Whether any trial says when its jobs ran."""
    return any(record.spans or record.attempts for record in view.records)


def latest(timeline: Timeline, most: int) -> Timeline:
    """The same with its latest jobs only."""
    return replace(timeline, bars=timeline.bars[-most:])


def draw_jobs(view: View, panel: Panel) -> Figure:
    """Draw the latest jobs; as many rows as machines and devices need, so that its height is its own."""
    whole = make_timeline(view.study, view.records)
    figure: Any = draw_timeline(summarise(latest(whole, MOST_JOBS)))
    figure.update_layout(height=max(figure.layout.height, min(panel.height, 260)))
    if len(whole.bars) > MOST_JOBS:
        words = f"the latest {MOST_JOBS:,} of {len(whole.bars):,} jobs; mqn timeline {view.study} draws all"
        place = {"x": 1, "y": 1.02, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "bottom"}
        figure.add_annotation(text=words, showarrow=False, font={"size": 11}, **place)
    return figure
