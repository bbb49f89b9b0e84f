"""What stands around a panel's drawing, on a page and in `mqn dashboard`: its title, its notes, why it is empty."""

from __future__ import annotations

from mqn.report.pages.course.importance import counted_text, too_few
from mqn.report.pages.course.jobs import has_times
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.view import View

_TITLES = {
    "front": "Pareto front",
    "hypervolume": "Hypervolume",
    "scatter": "Trials",
    "parallel": "What was tried, and what came of it",
    "importance": "What decides which trials are best",
    "curves": "Training",
    "latency": "Latency of the front",
    "timeline": "What ran where, and when",
    "table": "All trials",
    "failures": "What failed or waits, by cause",
    "running": "What runs now",
    "trainings": "Trainings and their plans",
    "selection": "Select a model",
}


def title_of(panel: Panel) -> str:
    """A panel's heading."""
    return panel.title or _TITLES[panel.kind]


def notes_of(view: View, panel: Panel) -> list[str]:
    """The sentences below a panel's heading.

    A front also says its limits and how its ranges are to be read, importances what they were computed from.
    """
    told: tuple[str, ...] = ()
    if panel.kind == "front" and view.front is not None:
        told = (view.front.limits, *view.front.reading)
    elif panel.kind == "importance":
        told = (counted_text(view),)
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
        "timeline": "" if has_times(view) else "No trial says yet when its jobs ran.",
    }
    if panel.kind == "importance":
        return too_few(view)
    return reasons.get(panel.kind, "" if view.complete else nothing)
