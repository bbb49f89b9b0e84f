"""Keeps the page up to date: asks every second whether the study has changed, draws what has, answers clicks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dash import ALL, MATCH, Dash, Input, Output, State, ctx, html, no_update

from mqn.dashboard.answering import answer_in_thread
from mqn.dashboard.page import Page, devices_of, pulse_of, shown_of
from mqn.dashboard.panels.drawing import add_to_brush, draw_graph, draw_news, find_view, say_brushed, with_new_marks
from mqn.dashboard.panels.elements import draw_blocks
from mqn.dashboard.panels.running import describe_running
from mqn.dashboard.panels.selecting import MOST_BESIDE
from mqn.dashboard.panels.table_panel import CELLS
from mqn.dashboard.panels.trial_details import describe_trial
from mqn.dashboard.studies.live import Live
from mqn.errors import MqnError
from mqn.report.pages.failures import list_failures
from mqn.report.pages.parallel import Brush

Shown = Mapping[str, Any]


def follow_page(app: Dash, page: Page) -> None:
    """Let a page follow its studies and answer clicks."""
    _follow_studies(app, page)
    _follow_panels(app, page)
    _follow_late(app, page)
    _follow_trial(app, page.live)


def _follow_studies(app: Dash, page: Page) -> None:
    @app.callback(
        Output("shown", "data"),
        Output("pulse", "data"),
        Output("banner", "children"),
        Output("tiles", "children"),
        Output("device", "options"),
        Input("tick", "n_intervals"),
        Input("study", "value"),
        Input("device", "value"),
        State("shown", "data"),
        State("pulse", "data"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def tick(_: int, study: str, device: str, before: Shown, pulse: Any) -> Any:
        try:
            state = page.live.state(study)
        except MqnError as error:
            return no_update, no_update, html.P(str(error), className="bad"), no_update, no_update
        asked = device if device in state.devices else None
        now, beats = shown_of(state, asked, before), pulse_of(state)
        told = no_update if beats == pulse and now is before else page.banner(state)
        if now is before:
            return no_update, no_update if beats == pulse else beats, told, no_update, no_update
        return now, beats, told, page.tiles_of(study, asked), devices_of(state)

    @app.callback(
        Output("content", "children"),
        Input("opened", "data"),
        Input("study", "value"),
        State("device", "value"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def turn(tab: str, study: str, device: str) -> Any:
        asked = device if device in page.live.state(study).devices else None
        return page.draw_tab(tab, study, asked)

    @app.callback(
        Output("rest", "children"),
        Input("begun", "data"),
        State("study", "value"),
        State("device", "value"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def go_on(_: Any, study: str, device: str) -> Any:
        asked = device if device in page.live.state(study).devices else None
        return page.draw_rest(study, asked)


def _follow_panels(app: Dash, page: Page) -> None:
    live, panels = page.live, page.board.panels

    @app.callback(
        Output({"type": "graph", "index": MATCH}, "figure"),
        Output({"type": "notes", "index": MATCH}, "children"),
        Output({"type": "graph", "index": MATCH}, "style"),
        Input("shown", "data"),
        State({"type": "graph", "index": MATCH}, "id"),
        State({"type": "graph", "index": MATCH}, "style"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def draw(shown: Shown, identity: Mapping[str, Any], before: Mapping[str, str]) -> Any:
        return draw_news(live, shown, panels[identity["index"]], before)

    @app.callback(
        Output({"type": "growth", "index": MATCH}, "figure"),
        Output({"type": "notes", "index": MATCH}, "children", allow_duplicate=True),
        Output({"type": "growth", "index": MATCH}, "style"),
        Input("shown", "data"),
        Input({"type": "counted", "index": MATCH}, "value"),
        State({"type": "growth", "index": MATCH}, "id"),
        State({"type": "growth", "index": MATCH}, "style"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def grow(shown: Shown, counted: str, identity: Mapping[str, Any], before: Mapping[str, str]) -> Any:
        panel = replace(panels[identity["index"]], x=counted)
        if isinstance(ctx.triggered_id, str):
            return draw_news(live, shown, panel, before)
        return draw_graph(live, shown["study"], shown["device"], panel)

    @app.callback(
        Output({"type": "parallel", "index": MATCH}, "figure"),
        Output({"type": "parallel", "index": MATCH}, "style"),
        Output({"type": "brushed", "index": MATCH}, "children"),
        Input("shown", "data"),
        Input({"type": "brush", "index": MATCH}, "data"),
        State({"type": "parallel", "index": MATCH}, "id"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def lay(shown: Shown, brush: Brush, identity: Mapping[str, Any]) -> Any:
        panel = panels[identity["index"]]
        figure, _, style = draw_graph(live, shown["study"], shown["device"], panel, brush)
        view, _ = find_view(live, shown["study"], shown["device"])
        return figure, style, "" if view is None else say_brushed(view, panel, brush)

    @app.callback(
        Output({"type": "brush", "index": MATCH}, "data"),
        Input({"type": "parallel", "index": MATCH}, "selectedData"),
        State("shown", "data"),
        State({"type": "brush", "index": MATCH}, "data"),
        State({"type": "parallel", "index": MATCH}, "id"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def brush(selected: Any, shown: Shown, kept: Brush, identity: Mapping[str, Any]) -> Any:
        view, _ = find_view(live, shown["study"], shown["device"])
        if view is None or not selected or "range" not in selected:
            return {}  # A double click lifts it.
        return add_to_brush(view, panels[identity["index"]], kept, selected["range"])

    @app.callback(
        Output({"type": "running", "index": MATCH}, "children"),
        Input("pulse", "data"),
        Input("shown", "data"),
        State({"type": "running", "index": MATCH}, "id"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def run(_: Any, shown: Shown, __: Any) -> Any:
        return draw_blocks(describe_running(live.state(shown["study"])))

    @app.callback(
        Output({"type": "failures", "index": MATCH}, "children"),
        Input("shown", "data"),
        State({"type": "failures", "index": MATCH}, "id"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def fail(shown: Shown, _: Any) -> Any:
        return draw_blocks(list_failures(live.state(shown["study"]).records))

    @app.callback(
        Output({"type": "overlay", "index": MATCH}, "figure"),
        Output({"type": "overlaid", "index": MATCH}, "children"),
        Output({"type": "overlay", "index": MATCH}, "style"),
        Input({"type": "laid", "index": MATCH}, "value"),
        Input("shown", "data"),
        State({"type": "overlay", "index": MATCH}, "style"),
    )
    @answer_in_thread
    def overlay(names: Sequence[str], _: Shown, before: Mapping[str, str]) -> Any:
        figure, notes, style = page.lay_over(names)
        if ctx.triggered_id == "shown" and style == before and style["display"] != "none":
            return with_new_marks(figure.to_plotly_json()), notes, no_update
        return figure, notes, style


def _follow_late(app: Dash, page: Page) -> None:
    """Let panels that take a second come after the others of their tab."""

    @app.callback(
        Output({"type": "graph", "index": MATCH}, "figure", allow_duplicate=True),
        Output({"type": "notes", "index": MATCH}, "children", allow_duplicate=True),
        Output({"type": "graph", "index": MATCH}, "style", allow_duplicate=True),
        Input({"type": "late", "index": MATCH}, "id"),
        State("shown", "data"),
        prevent_initial_call="initial_duplicate",
    )
    @answer_in_thread
    def draw_late(identity: Mapping[str, Any], shown: Shown) -> Any:
        return draw_graph(page.live, shown["study"], shown["device"], page.board.panels[identity["index"]])


def _follow_trial(app: Dash, live: Live) -> None:
    @app.callback(
        Output("trial", "data"),
        Output({"type": "graph", "index": ALL}, "clickData"),
        Output({"type": "parallel", "index": ALL}, "clickData"),
        Input({"type": "graph", "index": ALL}, "clickData"),
        Input({"type": "parallel", "index": ALL}, "clickData"),
        CELLS,
        Input("close", "n_clicks"),
        Input("study", "value"),
        prevent_initial_call=True,
    )
    def click(marks: Sequence[Any], lines: Sequence[Any], cells: Sequence[Any], _: Any, __: str) -> Any:
        none = [None] * len(marks), [None] * len(lines)  # The same mark can be clicked again.
        if ctx.triggered_id in ("close", "study"):
            return None, *none
        clicked = [point for point in (*marks, *lines) if point]
        for point in clicked:
            number = point["points"][0].get("customdata")
            if isinstance(number, int):
                return number, *none
        for cell in cells:
            if cell and str(cell.get("rowId", "")).isdigit() and not clicked:
                return int(cell["rowId"]), *none
        return no_update, *none

    @app.callback(
        Output("details", "children"),
        Output("trial-name", "children"),
        Output("pane", "className"),
        Output("beside-it", "children"),
        Input("trial", "data"),
        Input("shown", "data"),
        Input("picked", "data"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def tell(number: int | None, shown: Shown, picked: Sequence[int]) -> Any:
        state = live.state(shown["study"])
        record = None if number is None else state.record(number)
        view, _ = find_view(live, shown["study"], shown["device"])
        if record is None or view is None:
            return [], "", "away", no_update
        words = "Take away" if number in picked else "Set beside"
        return draw_blocks(describe_trial(record, state, view)), f"#{number} {record.label}", "", words

    @app.callback(
        Output("picked", "data"),
        Input("beside-it", "n_clicks"),
        Input("study", "value"),
        State("trial", "data"),
        State("picked", "data"),
        prevent_initial_call=True,
    )
    def pick(_: int | None, __: str, number: int | None, picked: Sequence[int]) -> Any:
        if ctx.triggered_id == "study":
            return []
        if number is None:
            return no_update
        return [one for one in picked if one != number] if number in picked else [*picked, number][-MOST_BESIDE:]
