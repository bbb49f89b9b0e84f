"""The pane of one trial: its figures, and what is read from its artifacts only when somebody asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update

from mqn.dashboard.answering import answer_in_thread
from mqn.dashboard.panels.elements import draw_blocks, graph, plain_table
from mqn.dashboard.panels.trial.latency import (
    draw_samples,
    find_measurements,
    list_delegation,
    tell_samples,
    tell_state,
)
from mqn.dashboard.panels.trial.pictures_panel import draw_pictures, follow_pictures
from mqn.dashboard.studies.live import Live
from mqn.errors import MqnError
from mqn.records import TrialRecord
from mqn.search.artifacts import ArtifactStore

FIGURES, PICTURES, LATENCY = "Figures", "Pictures", "Latency"
_HEAD = ("file", "delegate", "operators taken", "partitions", "left to the runtime", "loading (ms)", "first run (ms)")


def lay_pane() -> list[Any]:
    """The parts of the pane below its head; `details` is filled by who answers clicks on trials."""
    return [
        dcc.RadioItems(
            id="about", options=[FIGURES, PICTURES, LATENCY], value=FIGURES, inline=True, className="choices subtabs"
        ),
        html.Div(id="details"),
        html.Div(id="of-trial"),
        dcc.Store(id="of-which"),
    ]


def follow_pane(app: Dash, live: Live) -> None:
    """Let the pane show pictures and latency of its trial."""

    @app.callback(
        Output("of-trial", "children"),
        Output("details", "className"),
        Output("of-which", "data"),
        Output("pane", "style"),
        Input("about", "value"),
        Input("trial", "data"),
        Input("shown", "data"),
        State("of-which", "data"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def show(about: str, number: int | None, shown: Mapping[str, Any], before: Any) -> Any:
        record = None if number is None or about == FIGURES else live.state(shown["study"]).record(number)
        if record is None:
            return [], "", None, {}
        which = [about, record.study, number, dict(record.artifacts)]
        if which == before:
            return no_update, no_update, no_update, no_update  # The slider stays where it is.
        draw = draw_pictures if about == PICTURES else draw_latency
        return draw(record, live.artifacts), "away", which, {"width": "min(620px,92vw)"}

    follow_pictures(app, live)


def draw_latency(record: TrialRecord, store: ArtifactStore) -> list[Any]:
    """What was measured of a trial on each device: samples by process, and what the delegate took."""
    try:
        found, gone = find_measurements(record, store)
    except MqnError as error:
        return [html.P(str(error), className="bad")]
    parts: list[Any] = [html.P(line) for line in gone]
    if not found:
        return [html.P("No measurement of this trial is there.", className="told"), *parts]
    for place, (target, measurement) in enumerate(found.items()):
        parts.append(html.H3(f"On {target}: {measurement.device.model}, {measurement.device.soc}"))
        parts.append(html.P(tell_state(measurement), className="" if measurement.verdict == "ok" else "bad"))
        if measurement.latency_ms is None or not any(part.samples_ns for part in measurement.parts):
            parts.append(html.P("The model did not run to its end, so there are no samples."))
            continue
        figure = draw_samples(measurement)
        style = {"height": f"{figure.layout.height}px"}
        parts.append(graph({"type": "samples", "index": place}, figure, style=style, buttons=False))
        parts += [html.P(line) for line in tell_samples(measurement)]
        parts.append(html.H3("What the delegate took"))
        parts += draw_blocks([plain_table(_HEAD, list_delegation(measurement), numbers=(2, 3, 5, 6))])
    return parts
