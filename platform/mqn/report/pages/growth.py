"""How a study's hypervolume grew, against its trials, the trainings that they took, or the hours that passed."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mqn.look.palette import ACCENT, LIMIT
from mqn.records import TrialRecord
from mqn.report.front.hypervolume import History
from mqn.report.pages.axes import dress
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.view import View
from mqn.search.work.steps import last_part

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_MARKED = 300
"""Of more trials the line alone is drawn: marks would touch each other, and cost a browser as much as a front's."""

_AXES = {"trials": "Trial", "trainings": "Trainings", "hours": "Hours since the study began"}


def draw_hypervolume(view: View, panel: Panel) -> Figure:
    """Draw how the hypervolume grew, and where it grew last."""
    from plotly.graph_objects import Figure, Scatter

    counted = panel.x or "trials"
    xs, history = places(view.records, view.history, counted), view.history
    what = {"trials": "after trial %{x}", "trainings": "after %{x} trainings", "hours": "after %{x:.2f} hours"}[counted]
    line = Scatter(
        x=xs,
        y=history.values,
        mode="lines+markers" if len(xs) <= _MARKED else "lines",
        line={"shape": "hv", "color": ACCENT, "width": 2},
        marker={"size": 4},
        fill="tozeroy",
        fillcolor="rgba(11,110,153,0.08)",
        customdata=history.trials,
        hovertemplate=f"{what}: %{{y:,.4~r}}<extra></extra>",
    )
    figure = Figure(line)
    if (last := last_growth(history)) is not None and last < len(xs) - 1:
        words = f"last grew at trial {history.trials[last]}, {len(xs) - 1 - last} complete trials ago"
        note = {"text": words, "font": {"color": LIMIT, "size": 11}, "yanchor": "bottom"}
        figure.add_vline(
            xs[last],
            line={"color": LIMIT, "width": 1, "dash": "dot"},
            annotation=note,
            annotation_position="bottom right" if last < len(xs) / 2 else "bottom left",
        )
    # A panel is half a page wide; each device has a latency of its own.
    title = f"{_AXES[counted]} (reference point: {history.reference_text})"
    figure.update_xaxes(title="<br>".join(map(html.escape, textwrap.wrap(title, 60, break_long_words=False))))
    unit = f" ({history.unit})" if history.unit else ""
    figure.update_yaxes(title=f"Hypervolume{html.escape(unit)}", rangemode="tozero")
    return dress(figure, panel, legend=False)


def places(records: Sequence[TrialRecord], history: History, counted: str) -> list[float]:
    """Where each of a history's values stands on an axis that counts trials, trainings or hours.

    Values stand in the order of the trials' numbers. So the hours are those after which a trial and all before it had
    ended; a trial whose times are not known takes none.
    """
    if counted == "trials":
        return list(history.trials)
    found: dict[int, float] = {}
    trainings: set[str] = set()
    begins = [span.begin for record in records for span in record.spans.values()]
    began, passed = min(begins, default=0.0), 0.0
    for record in sorted(records, key=lambda record: record.number):
        if (training := last_part(record.artifacts)) is not None:
            trainings.add(training)
        passed = max([passed, *(span.end - began for span in record.spans.values())])
        found[record.number] = float(len(trainings)) if counted == "trainings" else passed / 3600
    return [found[number] for number in history.trials]


def last_growth(history: History) -> int | None:
    """The index of the value that was the last to be larger than the one before it; None without any growth."""
    before = (0.0, *history.values)
    grown = [index for index, value in enumerate(history.values) if value > before[index]]
    return grown[-1] if grown else None
