"""A study's page: one HTML file that works offline, laid out by a board."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from mqn.errors import UsageError
from mqn.quantities import number_text, quantity
from mqn.records import TrialRecord
from mqn.report.board import Board, Panel
from mqn.report.charts import axis_title
from mqn.report.drawings import DRAWINGS
from mqn.report.embedding import embed
from mqn.report.front import state_of
from mqn.report.listing import SCRIPT, list_trials
from mqn.report.page_look import CONFIG, lay_out
from mqn.report.view import View, look, read_curves
from mqn.search.artifacts import ArtifactStore
from mqn.search.space import Space

_TITLES = {
    "front": "Pareto front",
    "hypervolume": "Hypervolume",
    "scatter": "Trials",
    "parallel": "What was tried, and what came of it",
    "curves": "Training",
    "latency": "Latency of the front",
    "table": "All trials",
}


def write_page(
    records: Sequence[TrialRecord],
    space: Space,
    board: Board,
    path: Path,
    *,
    store: ArtifactStore | None = None,
    device: str | None = None,
) -> None:
    """Write a study's page.

    Args:
        records: its trials.
        space: for objectives and constraints.
        board: the panels.
        path: the .html file to write; about 5 MB, because it carries the plotting library along.
        store: the study's artifacts, for the curves of its trainings; None leaves curves out.
        device: whose latency and memory count; None: each trial's first device.

    Raises:
        UnknownNameError: there is no such device.
        NothingSatisfiesError: the study has no trials yet.
        UsageError: the file cannot be written.
    """
    curves = read_curves(records, store) if store is not None else None
    view = look(records, space.objectives, space.constraints, curves=curves, device=device)
    text = render(view, board)
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
    study = html.escape(view.study)
    scripts: list[str] = []
    sections = "\n".join(_section(view, panel, number, scripts) for number, panel in enumerate(board.panels))
    device = f"figures of device {html.escape(view.device)}" if view.device else "figures of each trial's first device"
    note = f"{html.escape(board.title)}{' · ' if board.title else ''}{device}"
    return lay_out(study, note, f'<div class="tiles">{_tiles(view)}</div>', sections, scripts=[*scripts, SCRIPT])


def _tiles(view: View) -> str:
    states = Counter(map(state_of, view.records))
    tiles = [(str(states.pop("complete", 0)), "complete trials")]
    tiles += [(str(count), words) for words, count in sorted(states.items())]
    tiles.append((str(len(view.best)), "on the front"))
    if view.front is not None:
        for index, axis in enumerate(view.axes):
            values = [point.values[index] for point in view.front.points]
            best = min(values) if axis.direction == "minimize" else max(values)
            tiles.append((quantity(axis.metric).table_text(best), f"best {axis_title(axis.metric)}"))
    if view.history.trials:
        tiles.append((number_text(view.history.final), _hypervolume_words(view)))
    return "".join(f'<div class="tile"><b>{value}</b><span>{html.escape(name)}</span></div>' for value, name in tiles)


def _hypervolume_words(view: View) -> str:
    unit = f" in {view.history.unit}" if view.history.unit else ""
    return f"hypervolume{unit}, from {view.history.reference_text}"


def _section(view: View, panel: Panel, number: int, scripts: list[str]) -> str:
    title = html.escape(panel.title or _TITLES[panel.kind])
    notes = [panel.note, view.front.limits if panel.kind == "front" and view.front is not None else ""]
    note = "".join(f"<p>{html.escape(text)}</p>" for text in notes if text)
    absent = _absent(view, panel)
    if absent:
        body = f"<p>{html.escape(absent)}</p>"
    elif panel.kind == "table":
        body = list_trials(view, panel)
    else:
        config = CONFIG | {"displayModeBar": panel.kind != "parallel" and "hover"}
        body = embed(DRAWINGS[panel.kind](view, panel), f"panel-{number}", config, scripts)
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
