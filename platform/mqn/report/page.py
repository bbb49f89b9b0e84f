"""A study's page: one HTML file that works offline, laid out by a board."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from pathlib import Path

from mqn.errors import UsageError
from mqn.records import TrialRecord
from mqn.report.board import Board, Panel, load_board
from mqn.report.charts import axis_title
from mqn.report.drawings import DRAWINGS
from mqn.report.listing import SCRIPT, figure_text, list_trials
from mqn.report.palette import ACCENT, FAINT, GRID, INK, MUTED, PAPER
from mqn.report.view import View, look, read_curves
from mqn.search.artifacts import ArtifactStore
from mqn.search.space import Space

# Plotly 7 offers to send charts to its makers' cloud unless told not to.
_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["lasso2d", "select2d"],
}

_TITLES = {
    "front": "Pareto front",
    "hypervolume": "Hypervolume",
    "scatter": "Trials",
    "parallel": "What was tried, and what came of it",
    "curves": "Training",
    "latency": "Latency of the front",
    "table": "All trials",
}

_STYLE = f"""
*{{box-sizing:border-box}}
body{{margin:0;background:#f4f6f8;color:{INK};font:14px/1.45 system-ui,'Segoe UI',Roboto,sans-serif}}
header{{padding:26px 28px 6px}} h1{{margin:0;font-size:22px}} header p{{margin:4px 0 0;color:{MUTED}}}
.tiles{{display:flex;flex-wrap:wrap;gap:12px;padding:14px 28px}}
.tile{{background:{PAPER};border-radius:8px;padding:10px 18px;min-width:120px;box-shadow:0 1px 2px #0001}}
.tile b{{display:block;font-size:20px}} .tile span{{color:{MUTED};font-size:12px}}
main{{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px;padding:4px 28px 28px}}
section{{background:{PAPER};border-radius:8px;padding:14px 16px;box-shadow:0 1px 2px #0001;min-width:0}}
section.wide{{grid-column:1/-1}} h2{{margin:0 0 4px;font-size:15px}} section p{{margin:0 0 6px;color:{MUTED}}}
.scroll{{overflow:auto}} table{{border-collapse:collapse;width:100%;font-size:12.5px;font-variant-numeric:tabular-nums}}
th{{position:sticky;top:0;background:{PAPER};text-align:left;cursor:pointer;border-bottom:2px solid {FAINT}}}
th,td{{padding:5px 10px;white-space:nowrap}} td{{border-bottom:1px solid {GRID}}} td.n,th.n{{text-align:right}}
tr.best td{{background:#0b6e9912}} tr.best td:first-child{{color:{ACCENT};font-weight:600}}
td.error{{white-space:normal;min-width:220px;color:{MUTED}}}
@media(max-width:900px){{main{{grid-template-columns:1fr}}}}
"""


def write_page(
    records: Sequence[TrialRecord],
    space: Space,
    board: str,
    path: Path,
    *,
    store: ArtifactStore | None = None,
    device: str | None = None,
) -> None:
    """Write a study's page.

    Args:
        records: its trials.
        space: for objectives and constraints.
        board: a board's name in `dashboards/`, or a path to a .toml file.
        path: the .html file to write; about 5 MB, because it carries the plotting library along.
        store: the study's artifacts, for the curves of its trainings; None leaves curves out.
        device: whose latency and memory count; None: each trial's first device.

    Raises:
        UnknownNameError: there is no such board or device.
        ConfigError: the board is wrong.
        NothingSatisfiesError: the study has no trials yet.
        UsageError: the file cannot be written.
    """
    curves = read_curves(records, store) if store is not None else None
    view = look(records, space.objectives, space.constraints, curves=curves, device=device)
    text = render(view, load_board(board))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def render(view: View, board: Board) -> str:
    """Lay a study out on a page.

    Args:
        view: the study.
        board: the panels.

    Returns:
        HTML that needs nothing else, no network either.
    """
    from plotly.offline import get_plotlyjs

    study = html.escape(view.study)
    sections = "\n".join(_section(view, panel, number) for number, panel in enumerate(board.panels))
    device = f"figures of device {html.escape(view.device)}" if view.device else "figures of each trial's first device"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{study}</title><style>{_STYLE}</style><script>{get_plotlyjs()}</script></head>
<body><header><h1>{study}</h1><p>{html.escape(board.title)}{" · " if board.title else ""}{device}</p></header>
<div class="tiles">{_tiles(view)}</div>
<main>
{sections}
</main><script>{SCRIPT}</script></body></html>
"""


def _tiles(view: View) -> str:
    states = [record.state for record in view.records]
    tiles = [(str(states.count("complete")), "complete trials")]
    tiles += [(str(states.count(state)), state) for state in ("failed", "pruned", "running") if state in states]
    tiles.append((str(len(view.best)), "on the front"))
    if view.front is not None:
        for index, axis in enumerate(view.axes):
            values = [point.values[index] for point in view.front.points]
            best = min(values) if axis.direction == "minimize" else max(values)
            tiles.append((figure_text(best, axis.metric), f"best {axis_title(axis.metric)}"))
    tiles.append((f"{view.history.final:.4g}", "hypervolume"))
    return "".join(f'<div class="tile"><b>{value}</b><span>{html.escape(name)}</span></div>' for value, name in tiles)


def _section(view: View, panel: Panel, number: int) -> str:
    title = html.escape(panel.title or _TITLES[panel.kind])
    note = f"<p>{html.escape(panel.note)}</p>" if panel.note else ""
    absent = _absent(view, panel)
    if absent:
        body = f"<p>{html.escape(absent)}</p>"
    elif panel.kind == "table":
        body = list_trials(view, panel)
    else:
        body = DRAWINGS[panel.kind](view, panel).to_html(
            full_html=False,
            include_plotlyjs=False,
            div_id=f"panel-{number}",
            config=_CONFIG | {"displayModeBar": panel.kind != "parallel" and "hover"},
        )
    wide = ' class="wide"' if panel.wide else ""
    return f"<section{wide}><h2>{title}</h2>{note}{body}</section>"


def _absent(view: View, panel: Panel) -> str:
    """Why a panel has nothing to show, or nothing."""
    reasons: dict[str, Callable[[], str]] = {
        "front": lambda: view.missing,
        "latency": lambda: view.missing,
        "hypervolume": lambda: "" if view.history.trials else "No trial is complete yet.",
        "curves": lambda: "" if view.curves else "No training's history was found.",
    }
    if panel.kind in reasons:
        return reasons[panel.kind]()
    return "" if view.complete or panel.kind == "table" else "No trial is complete yet."
