"""The panel of latencies, and the registry of all panels that plotly draws."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mqn.look.palette import INK, MUTED
from mqn.records import TrialRecord
from mqn.report.front.charts import axis_title
from mqn.report.pages.axes import colors, dress
from mqn.report.pages.course.curves import draw_curves
from mqn.report.pages.course.importance import draw_importance
from mqn.report.pages.course.jobs import draw_jobs
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.growth import draw_hypervolume
from mqn.report.pages.parallel import draw_parallel
from mqn.report.pages.scatters import draw_front, draw_scatter
from mqn.report.pages.view import View

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


_LONGEST = 36
"""Characters of a trial's name beside a bar."""


def draw_latency(view: View, panel: Panel) -> Figure:
    """Median latency of the front's trials on every device, with p90 as a whisker."""
    from plotly.graph_objects import Bar, Figure

    records = [record for record in view.complete if record.number in view.best]
    records.sort(key=lambda record: record.figure("latency_ms") or 0.0, reverse=True)
    figure = Figure()
    for device, color in zip(sorted({d for r in records for d in r.device_figures}), colors(), strict=False):
        measured = [r for r in records if "latency_ms" in r.device_figures.get(device, {})]
        figures = [record.device_figures[device] for record in measured]
        p50 = [values["latency_ms"] for values in figures]
        figure.add_trace(
            Bar(
                y=[html.escape(_short(record)) for record in measured],
                x=p50,
                error_x={
                    "array": [v.get("latency_ms.p90", v["latency_ms"]) - v["latency_ms"] for v in figures],
                    "arrayminus": [0.0] * len(figures),
                    "color": MUTED,
                    "thickness": 1.2,
                },
                orientation="h",
                name=html.escape(device),
                marker={"color": color, "line": {"width": 0}},
                text=[f"{value:.2f}" for value in p50],
                textposition="inside",
                insidetextanchor="start",
                customdata=[record.verdicts.get(device, "") for record in measured],
                hovertemplate="%{y}<br>p50 %{x:.3f} ms, verdict %{customdata}<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_layout(barmode="group", bargap=0.35)
    figure.update_xaxes(title=axis_title("latency_ms"), rangemode="tozero")
    figure.update_yaxes(ticksuffix="  ", tickfont={"color": INK})
    return dress(figure, panel)


def _short(record: TrialRecord) -> str:
    """A trial's number and as much of its label as fits beside a bar."""
    name = f"#{record.number} {record.label}"
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


DRAWINGS: dict[str, Callable[[View, Panel], Any]] = {
    "front": draw_front,
    "hypervolume": draw_hypervolume,
    "scatter": draw_scatter,
    "parallel": draw_parallel,
    "importance": draw_importance,
    "curves": draw_curves,
    "latency": draw_latency,
    "timeline": draw_jobs,
}
"""Panels that plotly draws, by kind."""
