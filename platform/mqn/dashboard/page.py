"""The page: its head, its tabs, and the pane of one trial. `following.py` keeps it up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from mqn.dashboard.panels.devices import draw_running
from mqn.dashboard.panels.drawing import draw_section, find_view
from mqn.dashboard.panels.elements import draw_blocks, graph, section
from mqn.dashboard.panels.selection_panel import draw_selection
from mqn.dashboard.panels.study.trainings_panel import draw_trainings
from mqn.dashboard.panels.table_panel import draw_table
from mqn.dashboard.panels.trial.pane import lay_pane
from mqn.dashboard.studies.devices import DeviceWatch
from mqn.dashboard.studies.live import Live
from mqn.dashboard.studies.reading import State as Study
from mqn.errors import NothingSatisfiesError, UsageError
from mqn.look.blocks import Block, Text
from mqn.report.front.overlay import Told, overlay
from mqn.report.front.words import SIMULATED
from mqn.report.pages.dashboard import Dashboard, Panel
from mqn.report.pages.overlay import draw_overlay
from mqn.report.pages.page import tiles
from mqn.report.pages.panels import DRAWINGS

ANY_DEVICE = ""
_TICK_MS = 1000
_STUDIES = "Studies"
_ORDER = ("Front", "Running", "Trials", "Select", "Training", "Failures")
_OVERLAY_HEIGHT = 560


class Page:
    """The page of one board over several studies."""

    def __init__(self, live: Live, board: Dashboard, watch: DeviceWatch) -> None:
        self.live, self.board, self._watch = live, board, watch
        self._laid: tuple[Any, Any] = (None, None)
        places = dict.fromkeys(panel.place for panel in board.panels)
        self.tabs = sorted(places, key=lambda place: _ORDER.index(place) if place in _ORDER else len(_ORDER))

    @property
    def needs_grid(self) -> bool:
        """Whether the tab that is drawn with the page has a table."""
        return any(panel.kind == "table" for _, panel in self._panels(self.tabs[0]))

    def lay_out(self) -> Any:
        """The page as it is first seen, with the first tab drawn."""
        names = self.live.names
        if not names:
            return html.Main(html.P("There is no study yet. Start one with: mqn search smoke"))
        state = self.live.state(names[0])
        key = (tuple(names), shown_of(state, None), pulse_of(state))
        if self._laid[0] != key:  # Who opens a page while nothing has changed waits for no drawing.
            self._laid = (key, self._lay_out(names, state))
        return self._laid[1]

    def _lay_out(self, names: list[str], state: Study) -> Any:
        tabs = [*self.tabs, *([_STUDIES] if len(names) > 1 else [])]
        shown = shown_of(state, None)
        return html.Div(
            [
                html.Header(
                    [
                        html.Div(
                            [
                                dcc.Dropdown(id="study", options=names, value=names[0], clearable=False),
                                dcc.Dropdown(
                                    id="device",
                                    options=devices_of(state),
                                    value=ANY_DEVICE,
                                    clearable=False,
                                    searchable=False,
                                ),
                            ],
                            className="bar head",
                        ),
                        html.Div(self.banner(state), id="banner"),
                        html.Div(self.tiles_of(state.study, None), id="tiles"),
                    ]
                ),
                dcc.Tabs(
                    id="tab",
                    value=tabs[0],
                    children=[
                        dcc.Tab(label=name, value=name, className="tab", selected_className="tab on") for name in tabs
                    ],
                ),
                html.Main(self._begin(state.study), id="content"),
                html.Aside(
                    [
                        html.Div(
                            [
                                html.B("", id="trial-name"),
                                html.Button("Set beside", id="beside-it", className="act"),
                                html.Button("Close", id="close"),
                            ],
                            className="bar",
                        ),
                        *lay_pane(),
                    ],
                    id="pane",
                    className="away",
                ),
                dcc.Interval(id="tick", interval=_TICK_MS),
                dcc.Store(id="shown", data=shown),
                dcc.Store(id="pulse", data=pulse_of(state)),
                dcc.Store(id="opened", data=tabs[0]),
                dcc.Store(id="begun"),
                dcc.Store(id="trial"),
                dcc.Store(id="picked", data=[]),
            ]
        )

    def draw_tab(self, tab: str, study: str, device: str | None) -> list[Any]:
        """The panels of one tab."""
        return [self._overlay()] if tab == _STUDIES else self._draw(self._panels(tab), study, device)

    def draw_rest(self, study: str, device: str | None) -> list[Any]:
        """What the first tab has beside what is drawn with the page."""
        panels = self._panels(self.tabs[0])
        return self._draw(panels[_early(panels) :], study, device)

    def _begin(self, study: str) -> list[Any]:
        """The first tab up to its first drawing; a browser that has shown it asks for the rest."""
        panels = self._panels(self.tabs[0])
        drawn = self._draw(panels[: _early(panels)], study, None)
        if _early(panels) < len(panels):
            begin = dcc.Interval(id="begin", interval=1, max_intervals=1)
            drawn.append(html.Div([begin], id="rest", className="inner"))
        return drawn

    def _panels(self, tab: str) -> list[tuple[int, Panel]]:
        return [(index, panel) for index, panel in enumerate(self.board.panels) if panel.place == tab]

    def _draw(self, panels: Sequence[tuple[int, Panel]], study: str, device: str | None) -> list[Any]:
        state = self.live.state(study)
        drawn = []
        for index, panel in panels:
            if panel.kind == "table":
                drawn.append(draw_table(self.live, study, device, index, panel))
            elif panel.kind == "selection":
                drawn.append(draw_selection(self.live, study, device, panel))
            elif panel.kind == "running":
                drawn.append(draw_running(state, self._watch, index, panel))
            elif panel.kind == "trainings":
                drawn.append(draw_trainings(self.live, state, device, index, panel))
            else:
                drawn.append(draw_section(self.live, state, device, index, panel))
        return drawn

    def banner(self, state: Study) -> list[Any]:
        """What stands above everything: that the study cannot be read, that it is simulated."""
        blocks: list[Block] = [Text(state.trouble, tone="bad")] if state.trouble else []
        if state.about.simulated:
            blocks.append(Text(SIMULATED, tone="bad"))
        return draw_blocks(blocks)

    def tiles_of(self, study: str, device: str | None) -> list[Any]:
        """The figures that stand out."""
        view, missing = find_view(self.live, study, device)
        return draw_blocks([Text(missing) if view is None else tiles(view)])

    def _overlay(self) -> Any:
        names = self.live.names
        first = names[:3]
        figure, notes, style = self.lay_over(first)
        drawn = graph({"type": "overlay", "index": 0}, figure, style=style)
        choice = dcc.Dropdown(
            id={"type": "laid", "index": 0}, options=names, value=first, multi=True, closeOnSelect=False
        )
        told = "The front of each study in a colour of its own. Compare only studies on the same data and devices."
        parts = [html.P(told), choice, html.Div(notes, id={"type": "overlaid", "index": 0}), drawn]
        return section("Fronts laid over each other", parts, wide=True)

    def lay_over(self, names: Sequence[str]) -> tuple[Any, list[Any], dict[str, str]]:
        """The fronts of some studies in one figure, lines on them, and its style, which hides it where there is none.

        Lines say why a study is not there, and what makes the others differ.
        """
        kept: list[Told] = []
        lines: list[str] = []
        for name in names:
            told = _told(self.live.state(name))
            try:
                overlay([*kept[:1], told])
            except (NothingSatisfiesError, UsageError) as error:
                lines.append(f"{name} is not shown: {error}")
            else:
                kept.append(told)
        if not kept:
            return {}, list(map(html.P, lines)), {"display": "none"}
        found = overlay(kept)
        style = {"display": "block", "height": f"{_OVERLAY_HEIGHT}px"}
        return draw_overlay(found, _OVERLAY_HEIGHT), list(map(html.P, (*found.notes, *lines))), style


def _early(panels: Sequence[tuple[int, Panel]]) -> int:
    """How many of a tab's panels are drawn with the page: up to the first of plotly's, which take a browser long."""
    return next((place for place, (_, panel) in enumerate(panels, start=1) if panel.kind in DRAWINGS), len(panels))


def _told(state: Study) -> Told:
    return Told(
        name=state.study,
        records=state.records,
        objectives=state.space.objectives,
        constraints=state.space.constraints,
        definition=state.space.definition,
        data_hash=state.about.data_hash,
        devices=dict(state.device_ids),
        simulated=state.about.simulated,
    )


def shown_of(state: Study, device: str | None, before: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """What panels are drawn anew for when it changes: the study, the device, and the state of the trials.

    Args:
        state: the study as it is now.
        device: whose figures count.
        before: what the page shows already. It is returned where it still holds; otherwise the version that it had is
            `before` in what is returned, so that panels can tell what has changed.
    """
    now = {"study": state.study, "device": device, "version": state.version}
    if before is None:
        return now
    if all(before.get(name) == value for name, value in now.items()):
        return before
    same = all(before.get(name) == now[name] for name in ("study", "device"))
    return {**now, "before": before["version"]} if same else now


def pulse_of(state: Study) -> list[Any]:
    """What changes when a driver says something, or the database goes or comes."""
    return [state.study, state.pulse, state.trouble]


def devices_of(state: Study) -> list[dict[str, str]]:
    """The devices whose figures may count, as a list to choose from."""
    first = [{"label": "figures of each trial's first device", "value": ANY_DEVICE}]
    return [*first, *({"label": f"figures of {name}", "value": name} for name in state.devices)]
