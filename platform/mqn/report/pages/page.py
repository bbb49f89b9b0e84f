"""A study's page, laid out by a dashboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mqn.look import page
from mqn.look.blocks import Block, Section, Text, Tiles
from mqn.look.charts import chart
from mqn.quantities import number_text, quantity
from mqn.records import TrialRecord
from mqn.report.front.charts import axis_title
from mqn.report.front.scorebook import Scorebook
from mqn.report.front.words import SIMULATED, state_of
from mqn.report.pages.dashboard import Dashboard, Panel
from mqn.report.pages.panels import DRAWINGS
from mqn.report.pages.trial_table import list_trials
from mqn.report.pages.view import View, look, read_curves
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space import Space

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
    dashboard: Dashboard,
    path: Path,
    *,
    store: ArtifactStore | None = None,
    device: str | None = None,
) -> None:
    """Write a study's page, about 5 MB, because it contains the plotting library.

    Args:
        records: its trials.
        space: for objectives and constraints.
        dashboard: the panels.
        path: the .html file to write.
        store: the study's artifacts, for training curves and for ranges of accuracy; None leaves both out.
        device: whose latency and memory count; None: each trial's first device.

    Raises:
        UnknownNameError: there is no such device.
        NothingSatisfiesError: the study has no trials yet.
        UsageError: the file cannot be written.
    """
    curves = read_curves(records, store) if store is not None else None
    book = Scorebook(store) if store is not None else None
    view = look(records, space.objectives, space.constraints, curves=curves, device=device, book=book)
    page.write_page(path, render(view, dashboard))


def render(view: View, dashboard: Dashboard) -> str:
    """Lay out a study on a page."""
    device = f"figures of device {view.device}" if view.device else "figures of each trial's first device"
    note = f"{dashboard.title}{' · ' if dashboard.title else ''}{device}"
    sections = [_section(view, panel, number) for number, panel in enumerate(dashboard.panels)]
    mark = [Text(SIMULATED)] if any(record.simulated for record in view.records) else []
    return page.render(view.study, [*mark, Text(note), _tiles(view)], sections)


def _tiles(view: View) -> Tiles:
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
    return Tiles(tuple(tiles))


def _hypervolume_words(view: View) -> str:
    unit = f" in {view.history.unit}" if view.history.unit else ""
    return f"hypervolume{unit}, from {view.history.reference_text}"


def _section(view: View, panel: Panel, number: int) -> Section:
    told = (view.front.limits, *view.front.reading) if panel.kind == "front" and view.front is not None else ()
    notes = [Text(text) for text in (panel.note, *told) if text]
    absent = _absent(view, panel)
    body: Block
    if absent:
        body = Text(absent)
    elif panel.kind == "table":
        body = list_trials(view, panel)
    else:
        drawn = DRAWINGS[panel.kind](view, panel)
        body = chart(drawn, f"panel-{number}", buttons=panel.kind != "parallel")
    return Section(title=panel.title or _TITLES[panel.kind], blocks=(*notes, body), wide=panel.wide)


def _absent(view: View, panel: Panel) -> str:
    """Say why a panel has nothing to show; empty if it has."""
    nothing = "No trial is complete yet."
    reasons = {
        "front": view.missing,
        "latency": view.missing,
        "hypervolume": "" if view.history.trials else nothing,
        "curves": "" if view.curves else "No training's history was found.",
        "table": "",
    }
    return reasons.get(panel.kind, "" if view.complete else nothing)
