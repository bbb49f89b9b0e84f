"""Panels over trials, epochs and devices, and the registry of all panels that plotly draws."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mqn.look.palette import ACCENT, FAINT, INK, MUTED
from mqn.quantities import find_quantity
from mqn.records import TrialRecord
from mqn.report.front.charts import axis_title
from mqn.report.pages.axes import colors, dress
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.growth import draw_hypervolume
from mqn.report.pages.parallel import draw_parallel
from mqn.report.pages.scatters import draw_front, draw_scatter
from mqn.report.pages.view import View
from mqn.search.work.steps import last_part

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


_LONGEST = 36
"""Characters of a trial's name beside a bar."""


def draw_curves(view: View, panel: Panel) -> Figure:
    """Draw a figure of every training over its epochs: those behind the front coloured, those that stopped dotted."""
    from plotly.graph_objects import Figure, Scatter

    metric = panel.y or "val_psnr_tm"
    figure = Figure()
    users: dict[str, list[TrialRecord]] = {}
    for record in view.records:
        users.setdefault(last_part(record.artifacts) or "", []).append(record)
    drawn = [(key, curve) for key, curve in view.curves.items() if any(e.get(metric) is not None for e in curve)]
    for key, curve in sorted(drawn, key=lambda item: _chosen(view, users.get(item[0], []))):
        trials = users.get(key, [])
        chosen, stopped = _chosen(view, trials), any(record.state == "stopped" for record in trials)
        epochs = [epoch for epoch in curve if epoch.get(metric) is not None]
        numbers = ", ".join(f"#{record.number}" for record in trials[:6]) + (" ..." if len(trials) > 6 else "")
        figure.add_trace(
            Scatter(
                x=[epoch["epoch"] for epoch in epochs],
                y=[epoch[metric] for epoch in epochs],
                mode="lines" if len(epochs) > 1 else "markers",
                line={
                    "color": ACCENT if chosen else FAINT,
                    "width": 2 if chosen else 1.2,
                    "dash": "dot" if stopped else "solid",
                },
                name=numbers or key[:8],
                hovertemplate=f"{numbers}{', stopped' if stopped else ''}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
            )
        )
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(title=_epoch_title(metric))
    return dress(figure, panel, legend=False)


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


def _chosen(view: View, trials: Sequence[TrialRecord]) -> bool:
    return any(record.number in view.best for record in trials)


def _epoch_title(metric: str) -> str:
    of_validation = metric.removeprefix("val_")
    return f"Validation {axis_title(of_validation)}" if find_quantity(of_validation) else metric


DRAWINGS: dict[str, Callable[[View, Panel], Any]] = {
    "front": draw_front,
    "hypervolume": draw_hypervolume,
    "scatter": draw_scatter,
    "parallel": draw_parallel,
    "curves": draw_curves,
    "latency": draw_latency,
}
"""Panels that plotly draws, by kind."""
