"""Trainings and the plans that share them, and what rungs decided."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.records import make_trial

from mqn.dashboard.panels.study.trainings import decisions, group, plan_words, summary_of
from mqn.records import Candidate, TrialRecord
from mqn.report.pages.view import View, look
from mqn.search.space.goals import Objective
from mqn.search.space.tables.rungs import Rungs

RUNGS = Rungs(levels=3, factor=3, spared=0.0)  # After 1 and 3 of 9 epochs.
GOALS = (Objective(metric="psnr_tm"), Objective(metric="latency_ms"))


def trial(number: int, kind: str, head: str = "float32", **changes: Any) -> TrialRecord:
    values = {"arch.attention": kind, "plan.head": head, "training.epochs": 9}
    figures = {"psnr_tm": 20.0 + number, "latency_ms": 5.0 + number}
    given = {"figures": figures, "artifacts": {"train": f"t-{kind}"}}
    return make_trial(number, candidate=Candidate().with_values(values), **{**given, **changes})


def curve(*values: float) -> list[dict[str, float | None]]:
    return [{"epoch": epoch, "val_psnr_tm": value} for epoch, value in enumerate(values)]


@pytest.fixture
def view() -> View:
    """`ca` was trained whole and has two plans; `sa` was stopped at the second rung, `none` waits at the first."""
    early = {"figures": {}}
    records = [
        trial(0, "ca"),
        trial(1, "ca", "dynamic_wi8_afp32"),
        trial(2, "sa", state="stopped", artifacts={"train/rung-1": "s1", "train/rung-2": "s2"}, **early),
        trial(3, "none", state="paused", artifacts={"train/rung-1": "n1"}, **early),
        trial(4, "csa", state="gated", artifacts={}, **early),
        trial(5, "ca", confirms=0),
    ]
    curves = {"t-ca": curve(*range(20, 29)), "s2": curve(21.0, 21.5, 21.8), "n1": curve(19.0)}
    return look(records, GOALS, curves=curves)


def test_trials_that_share_a_training_stand_together_those_of_the_front_first(view: View) -> None:
    found = group(view)
    told = [(one.label, [record.number for record in one.trials], one.best) for one in found]
    assert told == [
        ("attention ca", [0, 1], (0, 1)),
        ("attention csa", [4], ()),
        ("attention none", [3], ()),
        ("attention sa", [2], ()),
    ]
    assert plan_words(view, found[0].trials[1], view.varied) == "head dynamic_wi8_afp32"


def test_a_line_says_how_far_a_training_came(view: View) -> None:
    told = {one.label.split()[-1]: summary_of(one) for one in group(view)}
    assert told == {
        "ca": "2 plans · 9 epochs · on the front: #0, #1",
        "sa": "1 plan · 3 of 9 epochs · stopped at a rung",
        "none": "1 plan · 1 of 9 epochs · waits at a rung",
        "csa": "1 plan · not trained · held back by the gate",
    }


def test_rungs_say_what_they_decided_and_why(view: View) -> None:
    every = group(view)
    told = {one.label.split()[-1]: decisions(one, every, RUNGS, seed=0) for one in every}
    assert told["ca"] == [
        "After 1 of 9 epochs, with 20.00 dB in validation, place 2 of 3 there: it was let go on.",
        "After 3 of 9 epochs, with 22.00 dB in validation, place 1 of 2 there: it was let go on.",
    ]
    first, second, rule = told["sa"]
    assert first == "After 1 of 9 epochs, with 21.00 dB in validation, place 1 of 3 there: it was let go on."
    assert second == "After 3 of 9 epochs, with 21.80 dB in validation, place 2 of 2 there: it was stopped there."
    assert rule.startswith("Of the trainings that reach a rung, one in 3 goes on")
    (waits,) = told["none"]
    assert waits.endswith("it waits there; it goes on if it comes among the best of those that reach this rung.")
    assert told["csa"] == []


def test_a_spared_training_says_so_and_without_rungs_nothing_is_decided(view: View) -> None:
    every = group(view)
    spared = decisions(every[0], every, Rungs(levels=3, factor=3, spared=1.0), seed=0)
    assert spared[-1] == "It is one of the 100 % of all trainings that are never stopped."
    assert decisions(every[0], every, None, seed=0) == []


def test_a_study_that_varies_plans_alone_has_one_network() -> None:
    view = look([trial(0, "ca"), trial(1, "ca", "dynamic_wi8_afp32")], GOALS)
    (only,) = group(view)
    assert (only.label, len(only.trials)) == ("the one network of this study", 2)
