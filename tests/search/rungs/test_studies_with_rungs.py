"""Whole studies with rungs, whose stages are trivial: who is stopped, who goes on, what a kill changes.

Nine trainings with two plans each. Rungs are after 1 and 3 of 9 epochs; of all that reach one, a third goes on.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from tests.support.search_fakes import FakePipeline, grid_definition, nonzero

from mqn.profile_tables.budget import BudgetProfile
from mqn.records import Candidate
from mqn.search.budget.budgets import Budgets
from mqn.search.space.space import Space
from mqn.search.space.space_file import parse_space
from mqn.search.space.tables.rungs import Rungs
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study
from mqn.search.study.trials import count_trainings, records

pytestmark = pytest.mark.integration  # Whole studies run in a database.

QUALITY = [25.0, 21.0, 29.0, 22.0, 27.0, 20.0, 28.0, 26.0, 24.0]
"""In dB, by the seed of a training."""


# 0 is the first and goes on at once; 2 beats it. Of six two may go on, 2 and 4; then 6 is better than 4.
PARTS = {*(f"{seed}@1" for seed in range(9)), "0@3", "2@3", "4@3", "6@3", "0", "2"}


def rung_space(plans: int = 2, trainings: int = 9, **changes: Any) -> Space:
    dimensions = {"training.seed": {"choices": list(range(trainings))}}
    table = grid_definition(dimensions=dimensions, rungs={"spared": 0.0}, fixed={"training": {"epochs": 9}})
    return parse_space({**table, "points": table["points"][:plans], **changes}, source="tiny.toml")


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


class Pipeline(FakePipeline):
    """A training is as good as `QUALITY` says."""

    def __init__(self, log: Path, **settings: Any) -> None:
        rungs = Rungs(spared=0.0)
        super().__init__(log, **{"alike": ("training.seed",), "epochs": 9, "rungs": rungs, **settings})

    def quality(self, candidate: Candidate) -> float:
        return QUALITY[candidate.training.seed]


def trained(log: Path) -> Counter[str]:
    """Names of the parts of trainings that were made: `2@1` ended at the first rung, `2` is whole."""
    return Counter(line.split()[2] for line in log.read_text().splitlines() if line.startswith("end train"))


def outcome(study: Study) -> dict[int, set[str]]:
    """By training: the states of its trials."""
    found: dict[int, set[str]] = {}
    for record in records(study):
        found.setdefault(record.candidate.training.seed, set()).add(record.state)
    return found


def test_a_third_goes_on_and_the_others_stop(make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(rung_space())
    assert make_loop(study, Pipeline(log), trials=18, parallel=1).run() == "done"
    check_as_unbroken(study, log)
    assert nonzero(study) == {"complete": 4, "stopped": 14}
    assert count_trainings(records(study)) == 9


def test_a_stopped_trial_keeps_what_it_came_to(make_study, make_loop, tmp_path):
    study = make_study(rung_space(gate={}))
    make_loop(study, Pipeline(tmp_path / "log", gate=True), trials=18).run()
    record = next(record for record in records(study) if record.state == "stopped")
    assert "train/rung-1" in record.artifacts
    assert "latency_ms/local" in record.gate
    assert (record.error, record.figures) == (None, {})
    frozen = next(trial for trial in study.trials(TrialState.PRUNED) if trial.number == record.number)
    quality = QUALITY[record.candidate.training.seed]
    assert frozen.system_attrs["mqn:curve"] == pytest.approx([quality / 9])
    assert frozen.values is None


def test_the_curve_of_a_whole_training_is_kept(make_study, make_loop, tmp_path):
    study = make_study(rung_space())
    make_loop(study, Pipeline(tmp_path / "log"), trials=18).run()
    curves = [trial.system_attrs["mqn:curve"] for trial in study.trials(TrialState.COMPLETE)]
    assert {len(curve) for curve in curves} == {9}
    complete = next(record for record in records(study) if record.state == "complete")
    assert not any("rung" in step for step in complete.artifacts)  # Nobody reads its parts any more.


def test_with_known_latency_a_fast_network_is_not_stopped_for_its_accuracy(make_study, make_loop, tmp_path):
    class Fast(Pipeline):
        def _cost(self, candidate: Candidate) -> float:
            return 1.0 if candidate.training.seed == 5 else super()._cost(candidate)

    log, study = tmp_path / "log", make_study(rung_space(gate={}))
    make_loop(study, Fast(log, gate=True), trials=18, parallel=1).run()
    assert {"2@3", "5@3"} <= trained(log).keys()  # The most accurate of the first six, and the least, which is fast.


def test_who_is_spared_is_not_stopped(make_study, make_loop, tmp_path):
    study = make_study(rung_space(rungs={"spared": 1.0}))
    make_loop(study, Pipeline(tmp_path / "log"), trials=18).run()
    assert nonzero(study) == {"complete": 18}


def test_paused_trials_take_no_place_and_are_shown(make_study, make_loop, tmp_path, monkeypatch):
    study, seen = make_study(rung_space(plans=1)), []

    def look(_: object, stage: str) -> None:
        if stage == "train":
            seen.append(nonzero(study).get("paused", 0))

    monkeypatch.setattr("tests.support.trivial_work.pause", look)
    make_loop(study, Pipeline(tmp_path / "log"), trials=9, parallel=1).run()
    assert max(seen) == 6


def test_epochs_count_as_they_are_trained(make_study, make_loop, tmp_path):
    log, study, budgets = tmp_path / "log", make_study(rung_space()), Budgets()
    make_loop(study, Pipeline(log), trials=18, parallel=1, budgets=budgets).run()
    assert budgets.spent().trainings == 9
    assert budgets.spent().epochs == 9 * 1 + 4 * 2 + 2 * 6


def test_a_budget_of_epochs_holds_promotions_back_and_a_larger_one_lets_them_go_on(make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(rung_space(plans=1))
    budgets = Budgets(BudgetProfile(epochs=11))
    loop = make_loop(study, Pipeline(log), trials=9, parallel=1, budgets=budgets)
    assert loop.run() == "budget"
    assert str(loop.used_up) == "the budget of epochs is used up: 11 of 11"
    assert nonzero(study) == {"complete": 1, "stopped": 2, "waiting": 6}
    again = open_study("tiny", study.url)
    assert make_loop(again, Pipeline(log), trials=9, parallel=1).run() == "done"
    assert set(trained(log).values()) == {1}  # What was stopped goes on where it was.
    assert {"0", "2"} <= trained(log).keys()
    states = nonzero(again)
    assert states["complete"] + states["stopped"] == 9  # The new trial of 2 replaces the one that was stopped.


def check_as_unbroken(study: Study, log: Path) -> None:
    """The same decisions as in `test_a_third_goes_on_and_the_others_stop`, and nothing made twice."""
    assert trained(log) == dict.fromkeys(PARTS, 1)
    assert outcome(study) == {seed: {"complete" if seed in (0, 2) else "stopped"} for seed in range(9)}


@pytest.mark.parametrize("count", [1, 2, 3, 6, 10, 14])
def test_killed_in_a_part_of_a_training(count, make_study, make_loop, tmp_path, monkeypatch):
    """Up to the first rung, and behind a promotion; all networks are equally fast at the gate."""
    study, log, left = make_study(rung_space(gate={})), tmp_path / "log", [count]

    def die(_: object, stage: str) -> None:
        left[0] -= stage == "train"
        if stage == "train" and left[0] == 0:
            raise Killed

    monkeypatch.setattr("tests.support.trivial_work.pause", die)
    with pytest.raises(Killed):
        make_loop(study, Pipeline(log, gate=True), trials=18, parallel=1).run()
    again = open_study("tiny", study.url)
    make_loop(again, Pipeline(log, gate=True), trials=18, parallel=1).run()
    check_as_unbroken(again, log)


@pytest.mark.parametrize(("method", "count"), [("tell_sampler", 5), ("tell_sampler", 13), ("note", 6), ("finish", 6)])
def test_killed_while_a_decision_is_written_down(method, count, make_study, make_loop, tmp_path, monkeypatch):
    """At a promotion, at a rung, and while paused trials end."""
    study, log, left, write = make_study(rung_space()), tmp_path / "log", [count], getattr(Study, method)

    def die(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return write(*arguments)

    monkeypatch.setattr(Study, method, die)
    with pytest.raises(Killed):
        make_loop(study, Pipeline(log), trials=18, parallel=1).run()
    monkeypatch.undo()
    again = open_study("tiny", study.url)
    make_loop(again, Pipeline(log), trials=18, parallel=1).run()
    check_as_unbroken(again, log)


def test_side_by_side_nothing_is_trained_twice_and_the_best_goes_on(make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(rung_space())
    make_loop(study, Pipeline(log), trials=18, parallel=5).run()
    assert set(trained(log).values()) == {1}
    assert all(len(states) == 1 for states in outcome(study).values())  # Plans of one training go on together.
    assert outcome(study)[2] == {"complete"}


def test_a_study_with_more_trials_lets_stopped_ones_go_on(make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(rung_space(plans=1))
    make_loop(study, Pipeline(log), trials=5, parallel=1).run()
    first = outcome(study)
    assert first[4] == {"stopped"}  # 27 dB: the second of five, of which one may go on.
    again = open_study("tiny", study.url)
    make_loop(again, Pipeline(log), trials=9, parallel=1).run()
    assert "4@3" in trained(log) or "6@3" in trained(log)
    assert set(trained(log).values()) == {1}
    assert sum(nonzero(again).values()) == 9
