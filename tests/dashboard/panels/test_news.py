"""A page that shows a panel is sent what has changed, and nothing where nothing has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dash import Patch, no_update
from tests.support.watched_study import WatchedStudy

from mqn.dashboard.page import shown_of
from mqn.dashboard.panels.drawing import draw_graph, draw_news
from mqn.dashboard.studies.live import Live
from mqn.report.pages.dashboard import Panel
from mqn.search.artifacts import ArtifactStore

pytestmark = pytest.mark.slow
PANEL = Panel(kind="front")


class Page:
    """A page that follows a study of six trials, by a clock that each look moves on."""

    def __init__(self, folder: Path) -> None:
        self.watched, self._now = WatchedStudy("grown", f"sqlite:///{folder / 'study.db'}"), 0.0
        for _ in range(6):
            self.watched.add()
        self.live = Live(self.watched.store, ArtifactStore(folder / "artifacts"), clock=lambda: self._now)
        self.shown = shown_of(self.live.state("grown"), None)
        _, _, self.style = draw_graph(self.live, "grown", None, PANEL)

    def look(self) -> Any:
        """The figure that it is sent."""
        self._now += 1
        self.shown = shown_of(self.live.state("grown"), None, self.shown)
        return draw_news(self.live, self.shown, PANEL, self.style)[0]


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return Page(tmp_path)


def test_a_trial_that_only_begins_has_no_mark_and_one_that_ends_has(page: Page) -> None:
    first = page.shown
    trial = page.watched.begin()
    assert page.look() is no_update
    assert (page.shown["version"], page.shown["before"]) == (first["version"] + 1, first["version"])
    page.watched.end(trial)
    assert isinstance(page.look(), Patch)
    again = page.shown
    page.look()
    assert page.shown is again


def test_a_page_whose_version_is_not_known_any_more_is_sent_all_marks(page: Page) -> None:
    page.shown = {**page.shown, "version": 99}
    assert isinstance(page.look(), Patch)


def test_what_a_page_does_not_show_yet_is_sent_whole(page: Page) -> None:
    page.style = {"display": "none"}
    assert page.look()["data"]


def test_a_drawing_is_made_once_for_a_version(page: Page) -> None:
    assert draw_graph(page.live, "grown", None, PANEL) is draw_graph(page.live, "grown", None, PANEL)
    assert draw_graph(page.live, "grown", "board", PANEL) is not draw_graph(page.live, "grown", None, PANEL)
