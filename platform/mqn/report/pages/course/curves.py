"""The panel of training curves: a figure of every training over its epochs, and where its rungs stopped it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqn.look.palette import ACCENT, FAINT, MUTED, SERIES
from mqn.quantities import find_quantity
from mqn.records import TrialRecord
from mqn.report.front.charts import axis_title
from mqn.report.pages.axes import dress, trial_name
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.view import View
from mqn.search.work.steps import RUNG, last_part, rung_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

CHOSEN, OTHERS, STOPPED, WAITS = "behind the front", "other trainings", "stopped at a rung", "waits at a rung"
_LOOKS: dict[str, dict[str, Any]] = {
    STOPPED: {"color": MUTED, "width": 1, "dash": "dot"},
    OTHERS: {"color": FAINT, "width": 1.2},
    WAITS: {"color": SERIES[1], "width": 1.4, "dash": "dot"},
    CHOSEN: {"color": ACCENT, "width": 2},
}
"""The kinds of curves, from the lowest to the uppermost."""
_TRIALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A training: the trials that use it, its kind, and what became of it at its last rung; empty: nothing."""

    trials: tuple[TrialRecord, ...]
    kind: str
    fate: str
    epochs: tuple[Mapping[str, float | None], ...]


def curves_of(view: View, metric: str) -> list[Curve]:
    """The trainings that have a figure, each with its epochs that have it."""
    users: dict[str, list[TrialRecord]] = {}
    for record in view.records:
        users.setdefault(last_part(record.artifacts) or "", []).append(record)
    found = []
    for key, every in view.curves.items():
        epochs = tuple(epoch for epoch in every if epoch.get(metric) is not None)
        if epochs:
            trials = tuple(users.get(key, ()))
            kind = _kind(view, trials)
            found.append(Curve(trials=trials, kind=kind, fate=_fate(kind, trials, len(every)), epochs=epochs))
    return found


def draw_curves(view: View, panel: Panel) -> Figure:
    """Draw a figure of every training over its epochs; a point knows its first trial."""
    from plotly.graph_objects import Figure, Scatter

    metric = panel.y or "val_psnr_tm"
    every = curves_of(view, metric)
    figure = Figure()
    for kind, line in _LOOKS.items():
        points = _points([curve for curve in every if curve.kind == kind], metric)
        if not points:
            continue
        xs, ys, texts, numbers, sizes = (list(column) for column in zip(*points, strict=True))
        figure.add_trace(
            Scatter(
                x=xs,
                y=ys,
                text=texts,
                customdata=numbers,
                mode="lines+markers",
                line=line,
                marker={"size": sizes, "symbol": "x-thin" if kind in (STOPPED, WAITS) else "circle",
                        "color": line["color"], "line": {"width": 1.5, "color": line["color"]}},
                name=kind,
                hovertemplate="%{text}: %{y:.4g}<extra></extra>",
            )
        )  # fmt: skip
    figure.update_xaxes(title="Epoch (the first is 0)")
    figure.update_yaxes(title=_epoch_title(metric))
    return dress(figure, panel)


def _points(curves: Sequence[Curve], metric: str) -> list[tuple[Any, Any, str, int | None, float]]:
    """The points of all curves as one line, with a gap between two: one trace is drawn faster than hundreds."""
    found: list[tuple[Any, Any, str, int | None, float]] = []
    for curve in curves:
        number = curve.trials[0].number if curve.trials else None
        name = _name(curve)
        last = len(curve.epochs) - 1
        found += [(None, None, "", None, 0.0)] if found else []
        for place, epoch in enumerate(curve.epochs):
            ends = place == last and (curve.fate != "" or last == 0)
            words = f"{name}<br>epoch {epoch['epoch']}" + (f"<br>{curve.fate}" if ends and curve.fate else "")
            found.append((epoch["epoch"], epoch[metric], words, number, 7.0 if ends else 0.0))
    return found


def _name(curve: Curve) -> str:
    if not curve.trials:
        return "a training of no trial here"
    more = ", ".join(f"#{record.number}" for record in curve.trials[1:_TRIALS])
    dots = " ..." if len(curve.trials) > _TRIALS else ""
    return trial_name(curve.trials[0]) + (f"<br>and {more}{dots}" if more else "")


def _kind(view: View, trials: Sequence[TrialRecord]) -> str:
    states = {record.state for record in trials}
    if any(record.number in view.best for record in trials):
        return CHOSEN
    return STOPPED if "stopped" in states else WAITS if "paused" in states else OTHERS


def _fate(kind: str, trials: Sequence[TrialRecord], epochs: int) -> str:
    """What became of a training that ended at a rung, and why, in words."""
    if kind not in (STOPPED, WAITS):
        return ""
    rung = max((rung_of(step) for record in trials for step in record.artifacts if step.startswith(RUNG)), default=0)
    where = f"at rung {rung}, after {epochs} of {trials[0].candidate.training.epochs} epochs"
    if kind == WAITS:
        return html.escape(f"waits {where}: goes on if it comes among the best there")
    return html.escape(f"stopped {where}: others that reached this rung were better")


def _epoch_title(metric: str) -> str:
    of_validation = metric.removeprefix("val_")
    return f"Validation {axis_title(of_validation)}" if find_quantity(of_validation) else metric
