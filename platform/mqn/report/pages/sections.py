"""What stands around a panel's drawing, on a page and in `mqn dashboard`: its title, its notes, why it is empty."""

from __future__ import annotations

from mqn.report.pages.dashboard import Panel
from mqn.report.pages.view import View

_TITLES = {
    "front": "Pareto front",
    "hypervolume": "Hypervolume",
    "scatter": "Trials",
    "parallel": "What was tried, and what came of it",
    "curves": "Training",
    "latency": "Latency of the front",
    "table": "All trials",
    "failures": "What failed or waits, by cause",
    "running": "What runs now",
    "selection": "Select a model",
}


def title_of(panel: Panel) -> str:
    """A panel's heading."""
    return panel.title or _TITLES[panel.kind]


def notes_of(view: View, panel: Panel) -> list[str]:
    """The sentences below a panel's heading; a front also says its limits and how its ranges are to be read."""
    told = (view.front.limits, *view.front.reading) if panel.kind == "front" and view.front is not None else ()
    return [text for text in (panel.note, *told) if text]


def absent(view: View, panel: Panel) -> str:
    """Say why a panel has nothing to show; empty if it has."""
    nothing = "No trial is complete yet."
    reasons = {
        "front": view.missing,
        "latency": view.missing,
        "hypervolume": "" if view.history.trials else nothing,
        "curves": "" if view.curves else "No training's history was found.",
        "table": "",
        "failures": "",
    }
    return reasons.get(panel.kind, "" if view.complete else nothing)
