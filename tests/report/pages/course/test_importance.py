"""Importances of a field that decides all, one that decides nothing, and one that decides the other objective."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.records import make_trial

from mqn.records import Candidate
from mqn.report.pages.course import importance
from mqn.report.pages.course.importance import FEWEST, best_of, counted_text, importances, too_few
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.panels import DRAWINGS
from mqn.report.pages.sections import absent
from mqn.report.pages.view import View, look
from mqn.search.space.goals import Objective

GOALS = (Objective(metric="psnr_tm"), Objective(metric="latency_ms"))


def study(count: int) -> View:
    """Accuracy rises with the rate alone, latency with attention alone; the seed does nothing."""
    source = np.random.default_rng(3)
    records = []
    for number in range(count):
        rate, kind = float(10 ** source.uniform(-5, -2)), ("none", "sa", "ca")[int(source.integers(3))]
        seed = int(source.integers(4))
        values = {"training.learning_rate": rate, "arch.attention": kind, "training.seed": seed}
        slow = {"none": 1.0, "sa": 2.0, "ca": 3.0}[kind]
        figures = {"psnr_tm": 25 + np.log10(rate), "latency_ms": slow + 0.01 * float(source.random())}
        records.append(make_trial(number, candidate=Candidate().with_values(values), figures=figures))
    return look(records, GOALS)


@pytest.fixture(scope="module")
def view() -> View:
    return study(150)


def test_the_field_that_decides_an_objective_has_most_of_it(view: View) -> None:
    found = importances(view)
    assert max(found["psnr_tm"], key=lambda name: found["psnr_tm"][name]) == "training.learning_rate"
    assert max(found["latency_ms"], key=lambda name: found["latency_ms"][name]) == "arch.attention"
    for shares in found.values():
        assert sum(shares.values()) == pytest.approx(1.0)
        most, second, _ = sorted(shares.values(), reverse=True)
        assert most > 1.5 * second


def test_it_is_drawn_a_bar_an_objective_and_the_most_telling_field_on_top(view: View) -> None:
    figure = DRAWINGS["importance"](view, Panel(kind="importance"))
    assert [trace.name for trace in figure.data] == ["PSNR-TM (dB)", "Latency p50 (ms)"]
    assert next(iter(figure.data[0].y)) == "training.seed"  # Plotly draws the first one lowest.
    assert all(sum(trace.x) == pytest.approx(100.0) for trace in figure.data)


def test_with_too_few_trials_it_says_so() -> None:
    few = study(FEWEST - 1)
    assert absent(few, Panel(kind="importance")) == too_few(few)
    assert too_few(few) == "29 complete trials are too few to tell what decides; from 30 on it is shown."
    assert counted_text(few) == ""


def test_the_latest_trials_are_taken_of_many(monkeypatch: pytest.MonkeyPatch, view: View) -> None:
    monkeypatch.setattr(importance, "MOST", 40)
    assert [record.number for record in importance.counted(view)] == list(range(110, 150))
    assert counted_text(view).startswith("From the latest 40 complete trials (PED-ANOVA)")
    assert "among the best 5 of them" in counted_text(view)


def test_the_best_are_a_tenth_and_five_at_least() -> None:
    assert [best_of(count) for count in (30, 50, 1000)] == [5, 5, 100]
