"""The panel that selects a model: limits as sliders, the best within them, trials beside each other, its bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import ALL, Dash, Input, Output, State, dcc, html, no_update

from mqn.dashboard.answering import answer_in_thread
from mqn.dashboard.panels.drawing import find_view
from mqn.dashboard.panels.elements import draw_blocks, graph, section
from mqn.dashboard.panels.selecting import Knob, choose, knobs_of, set_beside
from mqn.dashboard.studies.bundles import BundleMaker, Making
from mqn.dashboard.studies.live import Live
from mqn.errors import MqnError, NothingSatisfiesError, StudyError, UnknownNameError
from mqn.look.palette import LIMIT
from mqn.quantities import number_text
from mqn.report.front.charts import axis_title, front_charts
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.scatters import draw_front
from mqn.report.pages.sections import title_of
from mqn.report.pages.view import View

_FRONT = Panel(kind="front", height=380)
_KNEE = ""


def draw_selection(live: Live, study: str, device: str | None, panel: Panel) -> Any:
    """The panel's parts; `follow_selection` fills them."""
    view, missing = find_view(live, study, device)
    title = title_of(panel)
    if view is None or not view.complete:
        return section(title, [html.P(missing or "No trial is complete yet.")], wide=True)
    knobs = knobs_of(view)
    goals = [{"label": "the knee of the front", "value": _KNEE}]
    goals += [{"label": axis_title(axis.metric), "value": axis.metric} for axis in view.axes]
    left = [
        *([html.P(panel.note)] if panel.note else []),
        html.Label("Best in", htmlFor="by"),
        dcc.Dropdown(id="by", options=goals, value=_KNEE, clearable=False, searchable=False),
        *(part for knob in knobs for part in _slider(knob)),
        html.Div(id="chosen", className="chosen"),
        html.Button("Make bundle", id="make", disabled=True, className="act"),
        html.Div(id="making"),
    ]
    right = [graph({"type": "selected", "index": 0}, {}, style={"height": f"{_FRONT.height}px"})]
    return html.Div(
        [
            section(title, left, wide=False),
            section("Where it lies on the front", right, wide=False),
            section("Side by side", [html.Div(id="beside")], wide=True),
            dcc.Store(id="choice"),
            dcc.Interval(id="progress", interval=1000, disabled=True),
        ],
        className="inner",
    )


def _slider(knob: Knob) -> list[Any]:
    return [
        html.Label(f"{knob.heading} ({number_text(knob.low)} to {number_text(knob.high)})"),
        dcc.Slider(
            id={"type": "limit", "metric": knob.metric},
            min=knob.low,
            max=knob.high,
            step=knob.step,
            value=knob.open,
            marks={},
            allow_direct_input=True,
        ),
    ]


def follow_selection(app: Dash, live: Live, maker: BundleMaker) -> None:
    """Let the panel answer."""

    @app.callback(
        Output("choice", "data"),
        Output("chosen", "children"),
        Output("make", "disabled"),
        Output({"type": "selected", "index": 0}, "figure"),
        Input("by", "value"),
        Input({"type": "limit", "metric": ALL}, "value"),
        Input("shown", "data"),
        State({"type": "limit", "metric": ALL}, "id"),
    )
    @answer_in_thread
    def pick(by: str, values: Sequence[float], shown: Mapping[str, Any], ids: Sequence[Mapping[str, str]]) -> Any:
        study, device = shown["study"], shown["device"]
        view, missing = find_view(live, study, device)
        if view is None:
            return None, html.P(missing), True, {}
        limits = {one["metric"]: value for one, value in zip(ids, values, strict=True) if value is not None}
        try:
            goals = live.state(study).space.objectives
            found = choose(view, goals, by or None, limits, knobs_of(view), live.book(study))
        except (NothingSatisfiesError, StudyError, UnknownNameError) as error:
            return None, html.P(str(error), className="bad"), True, _draw(view, None, limits)
        record = found.record
        told = [
            html.P(html.B(f"#{record.number} {record.label}"), className="told"),
            *map(html.P, found.why),
            html.P(["The same on the command line: ", html.Code(found.command)]),
        ]
        return record.number, told, False, _draw(view, record.number, limits)

    @app.callback(
        Output("beside", "children"),
        Input("choice", "data"),
        Input("picked", "data"),
        Input("shown", "data"),
    )
    @answer_in_thread
    def compare(choice: int | None, picked: Sequence[int], shown: Mapping[str, Any]) -> Any:
        view, _ = find_view(live, shown["study"], shown["device"])
        numbers = list(dict.fromkeys((*([choice] if choice is not None else []), *picked)))
        records = [record for number in numbers for record in (view.records if view else ()) if record.number == number]
        if view is None or not records:
            return html.P("Pick a trial, or add some by their button in the trial's own pane.")
        told = "Click a trial anywhere and choose “Set beside” to compare it here. Green: the best of these."
        return [html.P(told), *draw_blocks([set_beside(records, view)])]

    @app.callback(
        Output("progress", "disabled", allow_duplicate=True),
        Output("making", "children", allow_duplicate=True),
        Input("make", "n_clicks"),
        State("choice", "data"),
        State("shown", "data"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def make(clicks: int | None, choice: int | None, shown: Mapping[str, Any]) -> Any:
        if not clicks or choice is None:
            return no_update, no_update
        try:
            return False, _say(maker.start(live.state(shown["study"]), choice, shown["device"]))
        except MqnError as error:
            return no_update, html.P(str(error), className="bad")

    @app.callback(
        Output("progress", "disabled"),
        Output("making", "children"),
        Input("progress", "n_intervals"),
        State("shown", "data"),
    )
    def tell(_: int, shown: Mapping[str, Any]) -> Any:
        latest = maker.latest
        if latest is None or latest.study != shown["study"]:
            return True, []
        return latest.over, _say(latest)


def _say(making: Making) -> Any:
    told = html.P(f"Bundle of #{making.trial}: {making.line}", className="bad" if making.failed else "")
    if making.over and not making.failed:
        return [told, html.P(["Start with ", html.Code(str(making.folder / "README.md"))])]
    return told


def _draw(view: View, number: int | None, limits: Mapping[str, float]) -> Any:
    """The front with the chosen trial and the limits that lie on its axes."""
    if view.front is None:
        return {}
    figure = draw_front(view, _FRONT)
    chart = front_charts(view.front)[0]
    line = {"color": LIMIT, "width": 1.5, "dash": "dot"}
    open_ends = {knob.metric: knob.open for knob in knobs_of(view)}
    for metric, value in limits.items():
        if metric in (chart.x, chart.y) and value != open_ends.get(metric):
            add = figure.add_vline if metric == chart.x else figure.add_hline
            add(value, line=line, row=1, col=1)
    marks = (mark for group in (chart.best, chart.beaten) for mark in group)
    for mark in marks:
        if mark.point.record.number == number:
            style = {"symbol": "star", "size": 18, "color": LIMIT, "line": {"width": 1, "color": "white"}}
            figure.add_scatter(
                x=[mark.x], y=[mark.y], mode="markers", marker=style, name="chosen", hoverinfo="skip", row=1, col=1
            )
    figure.update_layout(showlegend=False)
    return figure
