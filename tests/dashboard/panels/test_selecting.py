"""Limits, the best within them, trials beside each other."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.records import make_trial

from mqn.dashboard.panels.selecting import choose, knobs_of, set_beside
from mqn.errors import NothingSatisfiesError
from mqn.records import Candidate, TrialRecord
from mqn.report.pages.view import View, look
from mqn.search.space.goals import Objective

GOALS = (Objective(metric="psnr_tm"), Objective(metric="latency_ms"))


def made(number: int, psnr: float, latency: float, **changes: Any) -> TrialRecord:
    ends = {"latency_ms.p50_low": latency - 0.5, "latency_ms.p50_high": latency + 0.5}
    figures = {"psnr_tm": psnr, "latency_ms": latency, "size_bytes": 1000.0, **ends}
    return make_trial(number, figures=figures, **changes)


@pytest.fixture
def view() -> View:
    wide = Candidate().with_values({"arch.attention": "sa"})
    return look([made(0, 20.03, 10.0), made(1, 22.0, 15.5), made(2, 24.96, 31.0, candidate=wide)], GOALS)


def test_knobs_reach_over_what_trials_have_in_round_steps(view: View) -> None:
    accuracy, latency = knobs_of(view)  # The sizes are all the same.
    assert (accuracy.metric, accuracy.largest, accuracy.step) == ("psnr_tm", False, 0.05)
    assert (accuracy.low, accuracy.high, accuracy.open) == (20.0, 25.0, 20.0)
    assert (latency.metric, latency.largest, latency.step) == ("latency_ms", True, 0.2)
    assert (latency.low, latency.high, latency.open) == (10.0, 31.0, 31.0)


def test_the_choice_is_that_of_the_command_line(view: View) -> None:
    knobs = knobs_of(view)
    open_ends = {knob.metric: knob.open for knob in knobs}
    found = choose(view, GOALS, "psnr_tm", open_ends, knobs)
    assert (found.record.number, found.command) == (2, "mqn select s --by psnr_tm")
    found = choose(view, GOALS, "psnr_tm", open_ends | {"latency_ms": 20.0}, knobs)
    assert (found.record.number, found.command) == (1, "mqn select s --by psnr_tm --max latency_ms=20")
    found = choose(view, GOALS, "latency_ms", {"psnr_tm": 21.0}, knobs)
    assert (found.record.number, found.command) == (1, "mqn select s --by latency_ms --min psnr_tm=21")
    found = choose(view, GOALS, None, open_ends, knobs)
    assert (found.record.number, found.command) == (1, "mqn select s")  # It gives up 0.6 and 0.26, the others 1.
    assert "knee" in found.why[0]


def test_limits_that_nobody_keeps_are_told(view: View) -> None:
    with pytest.raises(NothingSatisfiesError, match="no trial keeps latency_ms <= 12 and psnr_tm >= 24"):
        choose(view, GOALS, "psnr_tm", {"psnr_tm": 24.0, "latency_ms": 12.0}, knobs_of(view))


def test_trials_beside_each_other_show_what_differs_and_which_is_best(view: View) -> None:
    table = set_beside(view.records[1:], view)
    assert [cell.text for cell in table.head] == ["", f"#1 {view.records[1].label}", f"#2 {view.records[2].label}"]
    rows = {row.cells[0].text: row.cells[1:] for row in table.rows}
    assert [(cell.text, cell.tone) for cell in rows["PSNR-TM (dB)"]] == [("22", ""), ("24.96", "good")]
    assert [(cell.text, cell.tone) for cell in rows["Latency p50 (ms)"]] == [("15.5", "good"), ("31", "")]
    assert rows["Latency p50 (ms)"][0].notes == ("15 to 16",)
    assert [cell.tone for cell in rows["File size (bytes)"]] == ["", ""]
    assert [cell.text for cell in rows["arch.attention"]] == ["ca", "sa"]
    assert "arch.width" not in rows
