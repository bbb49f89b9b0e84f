"""A trial's pictures in its pane: what scoring kept, and a slider that swipes between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import ALL, Dash, Input, Output, State, dcc, html

from mqn.dashboard.answering import answer_in_thread
from mqn.dashboard.panels.trial.strip import EXPORTED, FLOAT, INPUT, TRUTH, address_of, find_strips, scenes
from mqn.dashboard.studies.live import Live
from mqn.errors import MqnError
from mqn.records import TrialRecord
from mqn.search.artifacts import ArtifactStore

_ORDER = (INPUT, FLOAT, EXPORTED, TRUTH)
_PARTS = "The exported file is what a device runs, quantized as its plan says."
_WHOLE = (
    "The pictures have sizes of their own, so that each strip is shown whole: on the left the LDR input, in the middle "
    "the prediction, on the right the truth."
)
_MIDDLE = 50
_SWIPE = """
function(place, left, right, sources, ids) {
    const of = name => sources[ids.findIndex(id => id.name == name)];
    return [of(left), of(right), {clipPath: `inset(0 0 0 ${place}%)`}, {left: `${place}%`}, left, right];
}
"""


def draw_pictures(record: TrialRecord, store: ArtifactStore) -> list[Any]:
    """What scoring kept of a trial's pictures, or in words why there is nothing."""
    try:
        strips = find_strips(record, store)
        found = scenes(strips)
    except MqnError as error:
        return [html.P(str(error), className="bad")]
    told = [html.P(line) for line in strips.missing]
    if not found:
        return [html.P("This study kept no pictures of this trial.", className="told"), *told]
    names = [name for name in _ORDER if name in found[0]]
    cut = INPUT in names
    right = EXPORTED if EXPORTED in names else names[-1]
    left = FLOAT if cut and FLOAT in names and right != FLOAT else names[0]
    scene_names = strips.names if len(strips.names) == len(found) else tuple(map(str, range(1, len(found) + 1)))
    choices = [{"label": name, "value": place} for place, name in enumerate(scene_names)]
    return [
        *told,
        html.Label("Picture"),
        dcc.RadioItems(id="scene", options=choices, value=0, inline=True, className="choices"),
        html.Div(
            [_chooser("left", "Left of the line", names, left), _chooser("right", "Right of the line", names, right)],
            className="pair",
        ),
        html.Div(
            [
                html.Img(id="under", alt="left of the line"),
                html.Img(id="over", alt="right of the line"),
                html.I(id="divider"),
                html.Small("", id="left-name"),
                html.Small("", id="right-name"),
            ],
            className="swipe square" if cut else "swipe",
        ),
        html.Div(
            dcc.Slider(
                id="swipe",
                min=0,
                max=100,
                step=1,
                value=_MIDDLE,
                marks=None,
                updatemode="drag",
                allow_direct_input=False,
            ),
            className="slide square" if cut else "slide",
        ),
        html.Div([_cell(name, address_of(found[0][name])) for name in names], className="cells"),
        html.P(f"{_PARTS if cut else _WHOLE} How they are shown: {strips.shown}."),
    ]


def follow_pictures(app: Dash, live: Live) -> None:
    """Let another scene be chosen, and two pictures be swiped over each other."""

    @app.callback(
        Output({"type": "cell", "name": ALL}, "src"),
        Input("scene", "value"),
        State({"type": "cell", "name": ALL}, "id"),
        State("trial", "data"),
        State("shown", "data"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def turn(place: int, ids: list[Mapping[str, str]], number: int | None, shown: Mapping[str, Any]) -> Any:
        record = None if number is None else live.state(shown["study"]).record(number)
        if record is None:
            return [""] * len(ids)
        found = scenes(find_strips(record, live.artifacts))
        scene = found[min(place, len(found) - 1)] if found else {}
        return [address_of(scene[one["name"]]) if one["name"] in scene else "" for one in ids]

    app.clientside_callback(
        _SWIPE,
        Output("under", "src"),
        Output("over", "src"),
        Output("over", "style"),
        Output("divider", "style"),
        Output("left-name", "children"),
        Output("right-name", "children"),
        Input("swipe", "value"),
        Input("left", "value"),
        Input("right", "value"),
        Input({"type": "cell", "name": ALL}, "src"),
        State({"type": "cell", "name": ALL}, "id"),
    )


def _chooser(identity: str, words: str, names: list[str], value: str) -> Any:
    drop = dcc.Dropdown(id=identity, options=names, value=value, clearable=False, searchable=False)
    return html.Div([html.Label(words, htmlFor=identity), drop])


def _cell(name: str, source: str) -> Any:
    return html.Div([html.Img(id={"type": "cell", "name": name}, src=source, alt=name), html.Small(name)])
