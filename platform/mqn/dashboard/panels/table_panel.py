"""The table of all trials on the page: the grid asks for the rows that are seen, and the server filters and sorts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from dash import ALL, MATCH, Dash, Input, Output, State, dcc, html, no_update
from dash_ag_grid import AgGrid

from mqn.dashboard.answering import answer_in_thread
from mqn.dashboard.panels.drawing import find_view
from mqn.dashboard.panels.elements import section
from mqn.dashboard.panels.table import Column, Row, columns_of, page, rows_of, select_rows, shortened, to_csv
from mqn.dashboard.studies.live import Live
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.sections import title_of
from mqn.text.redaction import redact

_PAGE_ROWS = 100
_WIDTHS = {"trial": 90, "label": 300, "state": 120, "front": 90, "verdict": 110, "why": 320}
# The grid keeps the rows that it has; asked again, it fetches those in sight anew.
_REFRESH = """
function(shown, id) {
    if (shown && window.dash_ag_grid) {
        dash_ag_grid.getApiAsync(id).then(function(grid) { grid.refreshInfiniteCache(); });
    }
    return window.dash_clientside.no_update;
}
"""


class _Rows:
    """The rows of the latest states, so that scrolling does not make all of them again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], list[Row]] = OrderedDict()

    def of(self, live: Live, shown: Mapping[str, Any], names: Sequence[str]) -> list[Row]:
        view, _ = find_view(live, shown["study"], shown["device"])
        if view is None:
            return []
        key = (view.study, view.device, tuple(names), id(view.records))
        with self._lock:
            if key not in self._kept:
                self._kept[key] = rows_of(view, names)
                while len(self._kept) > 3:
                    self._kept.popitem(last=False)
            return self._kept[key]


def draw_table(live: Live, study: str, device: str | None, index: int, panel: Panel) -> Any:
    """The panel's parts; `follow_table` fills the grid."""
    view, missing = find_view(live, study, device)
    if view is None:
        return section(title_of(panel), [html.P(missing)], wide=True)
    columns, usual = columns_of(view)
    names = [column.name for column in columns]
    shown = ["trial", "label", "state", *(name for name in panel.axes if name in names)] if panel.axes else usual
    parts = [
        *([html.P(panel.note)] if panel.note else []),
        html.Div(
            [
                dcc.Dropdown(
                    id={"type": "columns", "index": index},
                    options=[{"label": _option(column), "value": column.name} for column in columns],
                    value=shown,
                    multi=True,
                    placeholder="columns",
                    closeOnSelect=False,
                ),
                html.Button("CSV of the filtered rows", id={"type": "save", "index": index}, className="act"),
                dcc.Download(id={"type": "csv", "index": index}),
            ],
            className="bar",
        ),
        AgGrid(
            id={"type": "grid", "index": index},
            columnDefs=_definitions(columns, shown),
            defaultColDef={"sortable": True, "filter": True, "floatingFilter": True, "resizable": True, "minWidth": 90},
            rowModelType="infinite",
            dashGridOptions={
                "cacheBlockSize": _PAGE_ROWS,
                "maxBlocksInCache": 20,
                "rowBuffer": 10,
                "suppressFieldDotNotation": True,
                "animateRows": False,
            },
            getRowId="'' + params.data.trial",
            rowClassRules={"best": "params.data && params.data.front == 'front'"},
            style={"height": f"{panel.height}px"},
        ),
        html.P("", id={"type": "filtered", "index": index}, className="told"),
    ]
    return section(title_of(panel), parts, wide=True)


def follow_table(app: Dash, live: Live) -> None:
    """Let the grid ask for rows, columns be chosen, and rows be saved."""
    rows = _Rows()

    @app.callback(
        Output({"type": "grid", "index": MATCH}, "getRowsResponse"),
        Output({"type": "filtered", "index": MATCH}, "children"),
        Input({"type": "grid", "index": MATCH}, "getRowsRequest"),
        State({"type": "columns", "index": MATCH}, "value"),
        State("shown", "data"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def give(request: Mapping[str, Any] | None, names: Sequence[str], shown: Mapping[str, Any]) -> Any:
        if request is None:
            return no_update, no_update
        every = rows.of(live, shown, _needed(request, names))
        part, count = page(every, request)
        told = f"{count:,} of {len(every):,} trials" if count < len(every) else f"{count:,} trials"
        return {"rowData": shortened(part), "rowCount": count}, told

    @app.callback(
        Output({"type": "grid", "index": MATCH}, "columnDefs"),
        Input({"type": "columns", "index": MATCH}, "value"),
        State("shown", "data"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def choose(names: Sequence[str] | None, shown: Mapping[str, Any]) -> Any:
        view, _ = find_view(live, shown["study"], shown["device"])
        return no_update if view is None else _definitions(columns_of(view)[0], names or ["trial"])

    @app.callback(
        Output({"type": "csv", "index": MATCH}, "data"),
        Input({"type": "save", "index": MATCH}, "n_clicks"),
        State({"type": "grid", "index": MATCH}, "getRowsRequest"),
        State({"type": "columns", "index": MATCH}, "value"),
        State("shown", "data"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def save(
        clicks: int | None, request: Mapping[str, Any] | None, names: Sequence[str], shown: Mapping[str, Any]
    ) -> Any:
        if not clicks:
            return no_update
        asked = request or {}
        every = rows.of(live, shown, _needed(asked, names))
        found = select_rows(every, asked.get("filterModel") or {}, asked.get("sortModel") or [])
        return {"content": redact(to_csv(found, names)), "filename": f"{shown['study']}.csv", "type": "text/csv"}

    app.clientside_callback(
        _REFRESH,
        Output({"type": "grid", "index": MATCH}, "className"),
        Input("shown", "data"),
        State({"type": "grid", "index": MATCH}, "id"),
        prevent_initial_call=True,
    )


CELLS = Input({"type": "grid", "index": ALL}, "cellClicked")
"""A click on a row of any grid."""


def _needed(request: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The columns that are shown, and those that rows are filtered or sorted by."""
    sorting = [str(model.get("colId")) for model in request.get("sortModel") or []]
    return list(dict.fromkeys((*names, *(request.get("filterModel") or {}), *sorting)))


def _option(column: Column) -> str:
    return column.heading if column.heading == column.name else f"{column.heading} ({column.name})"


def _definitions(columns: Sequence[Column], names: Sequence[str]) -> list[dict[str, Any]]:
    known = {column.name: column for column in columns}
    return [_definition(known[name]) for name in names if name in known]


def _definition(column: Column) -> dict[str, Any]:
    number = column.kind == "number"
    made: dict[str, Any] = {
        "field": column.name,
        "colId": column.name,
        "headerName": column.heading,
        "filter": "agNumberColumnFilter" if number else "agTextColumnFilter",
        "tooltipField": column.name,
        "suppressFloatingFilterButton": True,
        "width": _WIDTHS.get(column.name, 150),
    }
    if number:
        made["type"] = "rightAligned"
    if column.name == "trial":
        made["pinned"] = "left"
    return made
