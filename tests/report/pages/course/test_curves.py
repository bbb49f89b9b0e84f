"""Training curves: which kind a training is, and why it ended where it did."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.records import make_trial

from mqn.records import Candidate
from mqn.report.pages.course.curves import CHOSEN, OTHERS, STOPPED, WAITS
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.panels import DRAWINGS
from mqn.report.pages.view import look
from mqn.search.space.goals import Objective

PANEL = Panel(kind="curves", y="val_psnr_tm")


def curve(*values: float | None) -> list[dict[str, float | None]]:
    return [{"epoch": epoch, "val_psnr_tm": value} for epoch, value in enumerate(values)]


@pytest.fixture
def drawn() -> dict[str, Any]:
    candidate = Candidate().with_values({"training.epochs": 9})
    best, worse = {"psnr_tm": 25.0, "latency_ms": 5.0}, {"psnr_tm": 20.0, "latency_ms": 6.0}
    records = [
        make_trial(0, figures=best, artifacts={"train": "a"}, candidate=candidate, label="<i>net</i>"),
        make_trial(1, figures=worse, artifacts={"train": "a"}, candidate=candidate),
        make_trial(2, figures=worse, artifacts={"train": "b"}, candidate=candidate),
        make_trial(3, figures=worse, artifacts={"train": "c"}, candidate=candidate),
        make_trial(4, state="stopped", artifacts={"train/rung-1": "d"}, candidate=candidate),
        make_trial(5, state="paused", artifacts={"train/rung-1": "e0", "train/rung-2": "e"}, candidate=candidate),
    ]
    curves = {
        "a": curve(20, 21, 22), "b": curve(19, None, 20), "c": curve(18), "d": curve(15), "e": curve(16, 17, 18),
    }  # fmt: skip
    goals = (Objective(metric="psnr_tm"), Objective(metric="latency_ms"))
    figure = DRAWINGS["curves"](look(records, goals, curves=curves), PANEL)
    return {trace.name: trace for trace in figure.data}


def test_kinds_of_trainings_stand_apart_with_a_gap_between_two(drawn: dict[str, Any]) -> None:
    assert list(drawn) == [STOPPED, OTHERS, WAITS, CHOSEN]  # The front lies uppermost.
    assert list(drawn[CHOSEN].y) == [20, 21, 22]
    assert list(drawn[OTHERS].x) == [0, 2, None, 0]
    assert list(drawn[OTHERS].y) == [19, 20, None, 18]
    assert drawn[STOPPED].line.dash == "dot"


def test_points_know_their_trial_and_say_who_else_uses_the_training(drawn: dict[str, Any]) -> None:
    assert list(drawn[CHOSEN].customdata) == [0, 0, 0]
    assert drawn[CHOSEN].text[2] == "#0 &lt;i&gt;net&lt;/i&gt;<br>and #1<br>epoch 2"
    assert list(drawn[OTHERS].customdata) == [2, 2, None, 3]


def test_where_a_rung_stopped_a_training_and_why(drawn: dict[str, Any]) -> None:
    assert (
        drawn[STOPPED]
        .text[-1]
        .endswith("stopped at rung 1, after 1 of 9 epochs: others that reached this rung were better")
    )
    assert (
        drawn[WAITS].text[-1].endswith("waits at rung 2, after 3 of 9 epochs: goes on if it comes among the best there")
    )
    assert "waits" not in drawn[WAITS].text[0]


def test_an_end_at_a_rung_and_a_single_epoch_have_a_mark(drawn: dict[str, Any]) -> None:
    assert list(drawn[WAITS].marker.size) == [0, 0, 7]
    assert list(drawn[CHOSEN].marker.size) == [0, 0, 0]
    assert list(drawn[OTHERS].marker.size) == [0, 0, 0, 7]
