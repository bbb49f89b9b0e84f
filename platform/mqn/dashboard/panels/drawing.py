"""A panel of a board, drawn for the live page with the drawing code of pages that are files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import Patch, dcc, html, no_update

from mqn.dashboard.panels.elements import draw_blocks, graph, section
from mqn.dashboard.studies.live import Live
from mqn.dashboard.studies.reading import State
from mqn.errors import NothingSatisfiesError, UnknownNameError
from mqn.report.pages.dashboard import COUNTED, Panel
from mqn.report.pages.failures import list_failures
from mqn.report.pages.panels import DRAWINGS
from mqn.report.pages.parallel import Brush, draw_parallel, lay_parallel, passing
from mqn.report.pages.sections import absent, notes_of, title_of
from mqn.report.pages.view import View

LATE = ("importance",)
"""Panels that take a second: they come after the others of their tab (`draw_late` in `following.py`)."""
_BUTTONS = {"parallel": False}
_COMPUTING = "Computing ..."


def find_view(live: Live, study: str, device: str | None, *, curves: bool = False) -> tuple[View | None, str]:
    """What panels draw, or why there is nothing to draw."""
    try:
        return live.view(study, device, curves=curves), ""
    except (NothingSatisfiesError, UnknownNameError) as error:
        return None, str(error)


def draw_section(live: Live, state: State, device: str | None, index: int, panel: Panel) -> Any:
    """A plotly panel, or a panel of tables, as a part of its tab."""
    title = title_of(panel)
    if panel.kind == "failures":
        body = html.Div(draw_blocks(list_failures(state.records)), id={"type": "failures", "index": index})
        return section(title, [*_note(panel), body], wide=True)
    late: tuple[Any, list[Any], dict[str, str]] = {"data": [], "layout": {}}, [html.P(_COMPUTING)], {"display": "none"}
    figure, notes, style = late if panel.kind in LATE else draw_graph(live, state.study, device, panel)
    kind = {"hypervolume": "growth", "parallel": "parallel"}.get(panel.kind, "graph")
    drawn = graph({"type": kind, "index": index}, figure, style=style, buttons=_BUTTONS.get(panel.kind, True))
    parts = [html.Div(notes, id={"type": "notes", "index": index}), drawn]
    if panel.kind in LATE:
        parts.append(dcc.Store(id={"type": "late", "index": index}))
    if panel.kind == "hypervolume":
        parts.insert(1, _choice_of_axis(panel, index))
    if panel.kind == "parallel":
        parts += [
            html.P("", id={"type": "brushed", "index": index}, className="told"),
            dcc.Store(id={"type": "brush", "index": index}, data={}),
        ]
    return section(title, parts, wide=panel.wide)


def draw_graph(
    live: Live, study: str, device: str | None, panel: Panel, brush: Brush | None = None
) -> tuple[dict[str, Any], list[Any], dict[str, str]]:
    """A panel's figure, its notes, and its style, which hides it where there is nothing to show.

    A drawing is made once for each version of a study. Curves go on while the version stays, so they are made anew.
    """
    if brush or panel.kind == "curves":
        return _draw(live, study, device, panel, brush)
    return live.once(study, (device, panel), lambda: _draw(live, study, device, panel, brush))


def draw_news(
    live: Live, shown: Mapping[str, Any], panel: Panel, style: Mapping[str, str]
) -> tuple[Any, list[Any], dict[str, str]]:
    """The same for a page that shows the panel already, as `shown["before"]` was: what has not changed is left out.

    Args:
        live: the studies.
        shown: the study, the device, and the version that the page showed before.
        panel: the panel.
        style: that of its drawing on the page.
    """
    drawn = draw_graph(live, shown["study"], shown["device"], panel)
    figure, notes, now = drawn
    if now != style or now["display"] == "none":
        return drawn
    before = live.earlier(shown["study"], shown.get("before"), (shown["device"], panel))
    return no_update if before and before[0] == figure else with_new_marks(figure), notes, no_update


def _draw(
    live: Live, study: str, device: str | None, panel: Panel, brush: Brush | None
) -> tuple[dict[str, Any], list[Any], dict[str, str]]:
    view, missing = find_view(live, study, device, curves=panel.kind == "curves")
    reason = missing or (absent(view, panel) if view is not None else "")
    if view is None or reason:
        notes = [*([panel.note] if panel.note else []), reason]
        return {"data": [], "layout": {}}, [html.P(note) for note in notes], {"display": "none"}
    figure = draw_parallel(view, panel, brush) if panel.kind == "parallel" else DRAWINGS[panel.kind](view, panel)
    if panel.kind == "parallel":
        figure.update_layout(dragmode="select", selections=[], selectionrevision=str(brush))
    notes = [html.P(note) for note in notes_of(view, panel)]
    height = figure.layout.height or panel.height
    return figure.to_plotly_json(), notes, {"display": "block", "height": f"{height}px"}


def with_new_marks(plain: Mapping[str, Any]) -> Patch:
    """What is new of a figure that is shown already. Its axes stay as the user has zoomed them."""
    patch = Patch()
    patch["data"] = plain["data"]
    for part in ("shapes", "annotations"):
        patch["layout"][part] = plain["layout"].get(part, [])
    for name, axis in plain["layout"].items():
        for part in ("title", "categoryarray") if name.startswith(("xaxis", "yaxis")) else ():
            if part in axis:
                patch["layout"][name][part] = axis[part]
    return patch


def add_to_brush(view: View, panel: Panel, brush: Brush, box: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """A brush after a box was dragged over parallel coordinates: each axis in it gets the box's range.

    Args:
        view: what is drawn.
        panel: the panel.
        brush: the brush so far.
        box: its `x`, counted in axes, and its `y`, from 0 to 1. Beside the axes it means the nearest one.
    """
    _, axes = lay_parallel(view, panel)
    (left, right), (low, high) = sorted(box["x"]), sorted(box["y"])
    inside = [axis for place, axis in enumerate(axes) if left <= place <= right]
    nearest = min(max(round((left + right) / 2), 0), len(axes) - 1)
    found = {name: list(ends) for name, ends in brush.items()}
    return found | {axis.name: [axis.value(low), axis.value(high)] for axis in inside or [axes[nearest]]}


def say_brushed(view: View, panel: Panel, brush: Brush) -> str:
    """How many trials pass through a brush, how many of them are on the front, and which; empty without a brush."""
    if not brush:
        return ""
    records, axes = lay_parallel(view, panel)
    kept = passing(records, axes, brush)
    best = [record.number for record in kept if record.number in view.best]
    numbers = ", ".join(f"#{number}" for number in best[:20]) + (" ..." if len(best) > 20 else "")
    told = f"; on the front: {numbers}" if best else "; none of them is on the front"
    return f"{len(kept)} of {len(records)} trials pass through the brushes{told}. Double-click lifts them."


def _choice_of_axis(panel: Panel, index: int) -> Any:
    return dcc.RadioItems(
        id={"type": "counted", "index": index},
        options=[{"label": f"against {name}", "value": name} for name in COUNTED],
        value=panel.x or COUNTED[0],
        inline=True,
        className="choices",
    )


def _note(panel: Panel) -> list[Any]:
    return [html.P(panel.note)] if panel.note else []
