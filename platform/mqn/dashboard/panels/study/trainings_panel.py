"""The panel of trainings: a list that unfolds, a training a line, its plans and what its rungs decided below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import ALL, MATCH, Dash, Input, Output, State, ctx, dcc, html, no_update

from mqn.dashboard.answering import answer_in_thread
from mqn.dashboard.panels.drawing import find_view
from mqn.dashboard.panels.elements import section
from mqn.dashboard.panels.study.trainings import Training, decisions, group, plan_words, summary_of
from mqn.dashboard.panels.trial_details import why
from mqn.dashboard.studies.live import Live
from mqn.dashboard.studies.reading import State as Study
from mqn.quantities import quantity
from mqn.records import TrialRecord
from mqn.report.front.charts import axis_title
from mqn.report.front.words import state_of
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.sections import title_of
from mqn.report.pages.view import View

MOST_TRAININGS, MOST_PLANS = 40, 12
"""More of either are counted: the table of trials has them all."""


def draw_trainings(live: Live, state: Study, device: str | None, index: int, panel: Panel) -> Any:
    """The panel; `follow_trainings` draws it anew."""
    parts = [
        *([html.P(panel.note)] if panel.note else []),
        html.Div(_list(live, state, device, index, ()), id={"type": "trainings", "index": index}),
        dcc.Store(id={"type": "unfolded", "index": index}, data=[]),
    ]
    return section(title_of(panel), parts, wide=True)


def follow_trainings(app: Dash, live: Live) -> None:
    """Let the list follow its study and unfold, and a click on a trial's number show the trial."""

    @app.callback(
        Output({"type": "trainings", "index": MATCH}, "children"),
        Input("shown", "data"),
        Input({"type": "unfolded", "index": MATCH}, "data"),
        State({"type": "trainings", "index": MATCH}, "id"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def draw(shown: Mapping[str, Any], unfolded: Sequence[int], identity: Mapping[str, Any]) -> Any:
        return _list(live, live.state(shown["study"]), shown["device"], identity["index"], unfolded)

    @app.callback(
        Output({"type": "unfolded", "index": MATCH}, "data"),
        Input({"type": "fold", "index": MATCH, "training": ALL}, "n_clicks"),
        State({"type": "unfolded", "index": MATCH}, "data"),
        prevent_initial_call=True,
    )
    def fold(_: Sequence[int | None], unfolded: Sequence[int]) -> Any:
        if not _clicked():
            return no_update
        training = int(ctx.triggered_id["training"])
        return [one for one in unfolded if one != training] if training in unfolded else [*unfolded, training]

    @app.callback(
        Output("trial", "data", allow_duplicate=True),
        Input({"type": "open-trial", "index": ALL, "number": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def click(_: Sequence[int | None]) -> Any:
        return int(ctx.triggered_id["number"]) if _clicked() else no_update


def _clicked() -> bool:
    """Whether somebody clicked: a button that has come anew is told of as well."""
    return bool(ctx.triggered_id and ctx.triggered[0]["value"])


def _list(live: Live, state: Study, device: str | None, index: int, unfolded: Sequence[int]) -> list[Any]:
    """A line for each training; the plans of those alone that are unfolded, named by their first trials' numbers."""
    view, missing = find_view(live, state.study, device, curves=True)
    if view is None:
        return [html.P(missing)]
    every, varied = group(view), view.varied
    told = f"{len(every):,} trainings for {sum(len(one.trials) for one in every):,} trials"
    if len(every) > MOST_TRAININGS:
        told += f"; here those behind the front and the latest, {MOST_TRAININGS} in all"
    lines = []
    for one in every[:MOST_TRAININGS]:
        first = one.trials[0].number
        whole = first in unfolded
        parts: list[Any] = [_fold(one, first, whole, index)]
        if whole:
            parts += [html.P(line) for line in decisions(one, every, state.space.rungs, state.about.seed)]
            parts.append(_plans(view, one, varied, index))
        lines.append(html.Div(parts, className="training best" if one.best else "training"))
    return [html.P(f"{told}. Click one to see its plans."), *lines]


def _fold(one: Training, first: int, whole: bool, index: int) -> Any:
    said = [
        html.Span("▾ " if whole else "▸ "),
        html.Span(one.label, className="name"),
        html.Small(summary_of(one)),
    ]
    open_or_not: Any = {"aria-expanded": "true" if whole else "false"}
    return html.Button(said, id={"type": "fold", "index": index, "training": first}, className="fold", **open_or_not)


def _plans(view: View, one: Training, varied: Sequence[str], index: int) -> Any:
    shown = sorted(one.trials, key=lambda record: (record.number not in one.best, -record.number))[:MOST_PLANS]
    heads = ("trial", "plan", "state", *(axis_title(axis.metric) for axis in view.axes), "why")
    numbers = range(3, 3 + len(view.axes))
    head = html.Tr([html.Th(text, className="number" if place in numbers else "") for place, text in enumerate(heads)])
    rows = [_row(view, record, varied, index, record.number in one.best) for record in shown]
    left = len(one.trials) - len(shown)
    more = [html.P(f"and {left} plans more, which the table of trials has")] if left else []
    return html.Div([html.Div(html.Table([html.Thead(head), html.Tbody(rows)]), className="scroll"), *more])


def _row(view: View, record: TrialRecord, varied: Sequence[str], index: int, best: bool) -> Any:
    identity = {"type": "open-trial", "index": index, "number": record.number}
    figures = view.values(record, [axis.metric for axis in view.axes])
    cells = [
        html.Td(html.Button(f"#{record.number}", id=identity, className="link")),
        html.Td(plan_words(view, record, varied)),
        html.Td("on the front" if best else state_of(record)),
        *(
            html.Td("" if value is None else quantity(axis.metric).table_text(value), className="number")
            for axis, value in zip(view.axes, figures, strict=True)
        ),
        html.Td("; ".join(why(record)), className="long"),
    ]
    return html.Tr(cells, className="best" if best else "")
