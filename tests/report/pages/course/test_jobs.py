"""The panel of jobs on a page."""

from __future__ import annotations

import pytest
from tests.support.records import make_trial

from mqn.records import Span
from mqn.report.pages.course import jobs
from mqn.report.pages.course.jobs import latest
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.panels import DRAWINGS
from mqn.report.pages.sections import absent
from mqn.report.pages.view import View, look
from mqn.report.timeline.timeline import make_timeline
from mqn.search.space.goals import Objective

PANEL = Panel(kind="timeline")


def study(spans: bool = True) -> View:
    """Two trials: each trains for 10 minutes on `lab1`, then is measured for one on `board`."""
    records = [
        make_trial(
            number,
            label="<b>net</b>",
            figures={"psnr_tm": 20.0 + number, "latency_ms": 5.0},
            spans={
                "train": Span(begin=1e9 + 660 * number, end=1e9 + 660 * number + 600, host="lab1"),
                "measure/board": Span(
                    begin=1e9 + 660 * number + 600, end=1e9 + 660 * (number + 1), host="lab1", device="board"
                ),
            }
            if spans
            else {},
        )
        for number in range(2)
    ]
    return look(records, (Objective(metric="psnr_tm"), Objective(metric="latency_ms")))


def test_a_bar_says_its_stage_its_time_and_its_trial() -> None:
    figure = DRAWINGS["timeline"](study(), PANEL)
    bars = {trace.name: trace for trace in figure.data}
    assert list(bars["train"].base) == [0.0, 11.0]
    assert list(bars["train"].x) == [10.0, 10.0]
    assert list(bars["train"].customdata) == [0, 1]
    assert bars["train"].hovertext[1] == "train of #1 &lt;b&gt;net&lt;/b&gt;<br>from 11:00.0, 600.0 s"
    assert [name.rstrip("\u200b") for name in bars["measure"].y] == ["lab1", "lab1", "device board", "device board"]
    assert figure.layout.xaxis.title.text == "time since the first job began (min)"


def test_of_many_jobs_the_latest_are_drawn_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    view = study()
    assert [(bar.trial, bar.stage) for bar in latest(make_timeline("s", view.records), 2).bars] == [
        (1, "train"),
        (1, "measure"),
    ]
    monkeypatch.setattr(jobs, "MOST_JOBS", 2)
    figure = DRAWINGS["timeline"](view, PANEL)
    assert [note.text for note in figure.layout.annotations] == ["the latest 2 of 4 jobs; mqn timeline s draws all"]


def test_trials_without_times_make_no_timeline() -> None:
    assert absent(study(spans=False), PANEL) == "No trial says yet when its jobs ran."
    assert absent(study(), PANEL) == ""
