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
from mqn.report.pages.dashboard import LIVE_ONLY, Dashboard, Panel
from mqn.report.pages.failures import list_failures
from mqn.report.pages.panels import DRAWINGS
from mqn.report.pages.sections import absent, notes_of, title_of
from mqn.report.pages.trial_table import list_trials
from mqn.report.pages.view import View, look, read_curves
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space import Space


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
    panels = [panel for panel in dashboard.panels if panel.kind not in LIVE_ONLY]
    sections = [_section(view, panel, number) for number, panel in enumerate(panels)]
    mark = [Text(SIMULATED)] if any(record.simulated for record in view.records) else []
    return page.render(view.study, [*mark, Text(note), tiles(view)], sections)


def tiles(view: View) -> Tiles:
    """The figures that stand out: how many trials there are in which state, the best values, the hypervolume."""
    states = Counter(map(state_of, view.records))
    told = [(str(states.pop("complete", 0)), "complete trials")]
    told += [(str(count), words) for words, count in sorted(states.items())]
    told.append((str(len(view.best)), "on the front"))
    if view.front is not None:
        for index, axis in enumerate(view.axes):
            values = [point.values[index] for point in view.front.points]
            best = min(values) if axis.direction == "minimize" else max(values)
            told.append((quantity(axis.metric).table_text(best), f"best {axis_title(axis.metric)}"))
    if view.history.trials:
        told.append((number_text(view.history.final), _hypervolume_words(view)))
    return Tiles(tuple(told))


def _hypervolume_words(view: View) -> str:
    unit = f" in {view.history.unit}" if view.history.unit else ""
    return f"hypervolume{unit}, from {view.history.reference_text}"


def _section(view: View, panel: Panel, number: int) -> Section:
    reason = absent(view, panel)
    body: tuple[Block, ...]
    if reason:
        body = (Text(reason),)
    elif panel.kind == "table":
        body = (list_trials(view, panel),)
    elif panel.kind == "failures":
        body = list_failures(view.records, height=panel.height)
    else:
        drawn = DRAWINGS[panel.kind](view, panel)
        body = (chart(drawn, f"panel-{number}", buttons=panel.kind != "parallel"),)
    notes = map(Text, notes_of(view, panel))
    return Section(title=title_of(panel), blocks=(*notes, *body), wide=panel.wide)
