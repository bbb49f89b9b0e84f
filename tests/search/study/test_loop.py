from __future__ import annotations

import itertools
import os
from collections import Counter
from pathlib import Path

import pytest
from tests.support.pool_fakes import FakeClock
from tests.support.search_fakes import FakePipeline, grid_definition, nonzero

from mqn.errors import ProcessLostError
from mqn.profile_tables.budget import BudgetProfile
from mqn.search.budget.budgets import Budgets
from mqn.search.budget.opening import limits_of, open_budgets, spent_of
from mqn.search.budget.stall import Stalling
from mqn.search.space.ending import Stall
from mqn.search.space.space_file import parse_space
from mqn.search.study.loop import Loop
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study
from mqn.search.study.trials import count_states, count_trainings, records
from mqn.search.work.evaluation import Evaluation

pytestmark = pytest.mark.integration  # Whole studies run in a database, some of their drivers are killed.


def ended(log: Path) -> Counter[str]:
    """How often each stage ended."""
    return Counter(line.split()[1] for line in log.read_text().splitlines() if line.startswith("end"))


def test_twelve_plans_over_four_networks_train_four_times(grid, make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(grid)
    assert make_loop(study, FakePipeline(log)).run() == "done"
    assert ended(log) == {"train": 4, "convert": 4, "quantize": 12, "score": 12, "measure": 12}
    found = records(study)
    assert [record.state for record in found] == ["complete"] * 12
    assert count_trainings(found) == 4
    assert len({(r.candidate.arch.attention, r.candidate.plan.label) for r in found}) == 12


def test_seconds_of_a_shared_training_are_told_once(grid, make_study, make_loop, tmp_path):
    study = make_study(grid)
    make_loop(study, FakePipeline(tmp_path / "log", {"train": 0.01}), trials=3).run()
    assert [record.seconds["train"] > 0 for record in records(study)] == [True, False, False]


def test_a_trial_keeps_where_and_when_its_own_steps_ran(small, make_study, make_loop, tmp_path):
    study = make_study(small)
    make_loop(study, FakePipeline(tmp_path / "log"), date=itertools.count(1.0).__next__).run()
    first, *others = records(study)
    assert list(first.spans) == ["train", "convert", "quantize", "score", "measure/local"]
    assert all(span.process == os.getpid() and span.begin <= span.end for span in first.spans.values())
    assert all(span.submitted < span.collected for record in records(study) for span in record.spans.values())
    assert sum("train" in record.spans for record in (first, *others)) == 2  # networks


def test_failed_tries_of_a_trial_are_kept(small, make_study, make_loop, tmp_path, monkeypatch):
    left = [ProcessLostError("killed"), ProcessLostError("killed again")]
    monkeypatch.setattr("tests.support.trivial_work.pause", lambda _, stage: fail(stage, left))
    clock, study = FakeClock(), make_study(small)
    make_loop(study, FakePipeline(tmp_path / "log"), parallel=1, clock=clock, sleep=clock.sleep).run()
    attempts = records(study)[0].attempts
    assert [(attempt.step, attempt.error[1]) for attempt in attempts] == [
        ("measure/local", "killed"),
        ("measure/local", "killed again"),
    ]
    assert attempts[0].span.end <= records(study)[0].spans["measure/local"].begin


def fail(stage, errors):
    if stage == "measure" and errors:
        raise errors.pop(0)


def test_number_of_trials_is_exact_and_can_grow(grid, make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(grid)
    make_loop(study, FakePipeline(log), trials=5).run()
    assert nonzero(study) == {"complete": 5, "waiting": 7}
    make_loop(open_study("tiny", study.url), FakePipeline(log), trials=7).run()
    assert count_states(study)["complete"] == 7
    assert ended(log)["measure"] == 7


def test_grid_ends_with_its_points(small, make_study, make_loop, tmp_path):
    study = make_study(small)
    assert make_loop(study, FakePipeline(tmp_path / "log"), trials=20).run() == "done"
    assert count_states(study)["complete"] == 4


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


@pytest.mark.parametrize("method", ["note", "finish"])
@pytest.mark.parametrize("count", [1, 3])
def test_killed_while_writing_down(method, count, small, make_study, make_loop, tmp_path, monkeypatch):
    log, study = tmp_path / "log", make_study(small)
    real, calls = getattr(type(study), method), []

    def die(self, *arguments):
        calls.append(arguments)
        if len(calls) == count:
            raise Killed
        return real(self, *arguments)

    monkeypatch.setattr(type(study), method, die)
    with pytest.raises(Killed):
        make_loop(study, FakePipeline(log)).run()
    monkeypatch.undo()
    again = open_study("tiny", study.url)
    make_loop(again, FakePipeline(log)).run()
    assert ended(log) == {"train": 2, "convert": 2, "quantize": 4, "score": 4, "measure": 4}
    assert count_states(again)["complete"] == 4
    assert len(records(again)) == 4


@pytest.mark.parametrize("stage", ["train", "quantize", "score", "measure"])
def test_killed_inside_a_stage(stage, small, make_study, make_loop, tmp_path, monkeypatch):
    log, study = tmp_path / "log", make_study(small)

    def die(seconds, now):
        if now == stage and log.read_text().count(f"begin {stage}") == 2:
            raise Killed

    monkeypatch.setattr("tests.support.trivial_work.pause", die)
    with pytest.raises(Killed):
        make_loop(study, FakePipeline(log)).run()
    before = {record.number: record for record in records(study)}
    monkeypatch.undo()
    again = open_study("tiny", study.url)
    make_loop(again, FakePipeline(log)).run()
    assert ended(log) == {"train": 2, "convert": 2, "quantize": 4, "score": 4, "measure": 4}
    for record in records(again):
        assert record.state == "complete"
        if record.number in before:
            assert record.candidate == before[record.number].candidate


def test_failed_candidate_is_recorded_and_the_study_goes_on(grid, make_study, make_loop, tmp_path):
    study = make_study(grid)
    make_loop(study, FakePipeline(tmp_path / "log", sick={"train": -1.0})).run()
    failed = [record for record in records(study) if record.state == "failed"]
    assert {record.candidate.arch.attention for record in failed} == {"sa"}
    assert {record.error for record in failed} == {"train: the loss is not finite"}
    assert nonzero(study) == {"complete": 9, "failed": 3}


def test_missing_figure_fails_the_trial(make_study, make_loop, tmp_path):
    space = parse_space(grid_definition(constraints=[{"metric": "peak_memory_mb", "max": 9}]), source="tiny.toml")
    study = make_study(space)
    make_loop(study, FakePipeline(tmp_path / "log"), trials=1).run()
    assert "asks for peak_memory_mb" in str(records(study)[0].error)


def test_constraints_are_recorded_for_the_sampler(make_study, make_loop, tmp_path):
    space = parse_space(grid_definition(constraints=[{"metric": "latency_ms", "max": 50.0}]), source="tiny.toml")
    study = make_study(space)
    make_loop(study, FakePipeline(tmp_path / "log"), trials=1).run()
    # "none" and "static_wi8_ai8" cost 10 * 4 + 14 ms.
    assert records(study)[0].violations == {"latency_ms <= 50": 4.0}
    assert study.trials()[0].constraints == {"latency_ms <= 50": 4.0}
    assert not records(study)[0].feasible


def test_programming_error_crashes(grid, make_study, make_loop, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.support.trivial_work.pause", lambda seconds, stage: 1 / 0)
    study = make_study(grid)
    with pytest.raises(ZeroDivisionError):
        make_loop(study, FakePipeline(tmp_path / "log")).run()
    assert count_states(study)["interrupted"] == 3


def test_no_trial_is_begun_after_the_time(grid, make_study, make_loop, tmp_path):
    study = make_study(grid)
    loop = make_loop(study, FakePipeline(tmp_path / "log"), budgets=Budgets(BudgetProfile(hours=1e-9)))
    assert loop.run() == "budget"
    assert str(loop.used_up).startswith("the budget of hours is used up")
    assert count_states(study)["complete"] == 0


def spend(study: Study, **limits: float) -> Budgets:
    return open_budgets(BudgetProfile(**limits), study.optuna, study.store, study.lease, lambda: records(study))


def test_trials_of_trained_networks_still_run_when_trainings_are_used_up(grid, make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(grid)
    loop = make_loop(study, FakePipeline(log, epochs=5), budgets=spend(study, trainings=2))
    assert loop.run() == "budget"
    assert str(loop.used_up) == "the budget of trainings is used up: 2 of 2"
    assert nonzero(study) == {"complete": 6, "waiting": 6}
    assert ended(log)["train"] == 2
    assert (
        spent_of(study.optuna, study.store)
        .text(limits_of(study.optuna))
        .startswith("trainings 2 of 2, epochs 10, training hours")
    )
    # Another driver with a larger budget goes on, and counts what the first one spent.
    again = open_study("tiny", study.url)
    loop = make_loop(again, FakePipeline(log, epochs=5), budgets=spend(again, epochs=15))
    assert loop.run() == "budget"
    assert str(loop.used_up) == "the budget of epochs is used up: 15 of 15"
    assert nonzero(again) == {"complete": 9, "waiting": 3}
    assert make_loop(again, FakePipeline(log, epochs=5), budgets=spend(again, trainings=4)).run() == "done"
    assert nonzero(again) == {"complete": 12}
    assert ended(log)["train"] == spent_of(again.optuna, again.store).trainings == 4


def test_a_training_that_is_there_already_costs_nothing(grid, make_study, make_loop, tmp_path):
    log, first = tmp_path / "log", make_study(grid)
    assert make_loop(first, FakePipeline(log, epochs=5), budgets=spend(first)).run() == "done"
    second = make_study(grid, name="second")
    assert make_loop(second, FakePipeline(log, epochs=5), budgets=spend(second, trainings=1)).run() == "done"
    assert spent_of(second.optuna, second.store).trainings == 0


def test_a_budget_of_hours_stops_every_trial_and_more_of_it_goes_on(grid, make_study, make_loop, tmp_path):
    study = make_study(grid)
    pipeline = FakePipeline(tmp_path / "log", {"train": 0.01}, epochs=5)
    loop = make_loop(study, pipeline, parallel=1, budgets=spend(study, cpu_hours=0.001 / 3600))
    assert loop.run() == "budget"
    assert str(loop.used_up).startswith("the budget of CPU hours is used up: ")
    assert nonzero(study) == {"complete": 1, "waiting": 11}
    assert make_loop(study, pipeline, budgets=spend(study, cpu_hours=1)).run() == "done"


def test_a_sampler_draws_nothing_without_a_training(make_study, make_loop, tmp_path):
    definition = grid_definition(
        sampler="random",
        points=[],
        dimensions={
            "arch.attention": {"choices": ["none", "sa", "csa", "ca"]},
            "plan.backbone": {"choices": ["static_wi8_ai8", "float32"]},
        },
        expansion={"dimensions": ["plan.backbone"]},
    )
    log, study = tmp_path / "log", make_study(parse_space(definition, source="tiny.toml"))
    loop = make_loop(study, FakePipeline(log, epochs=5), trials=8, parallel=1, budgets=spend(study, trainings=2))
    assert loop.run() == "budget"
    assert nonzero(study) == {"complete": 4}
    assert ended(log)["train"] == 2


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_expansion_comes_next_and_trains_once(sampler, make_study, make_loop, tmp_path):
    definition = grid_definition(
        sampler=sampler,
        points=[],
        dimensions={
            "arch.attention": {"choices": ["none", "sa", "csa", "ca"]},
            "plan.backbone": {"choices": ["static_wi8_ai8", "float32"]},
            "plan.head": {"choices": ["dynamic_wi8_afp32", "float32"]},
        },
        expansion={"dimensions": ["plan.backbone", "plan.head"]},
    )
    log, study = tmp_path / "log", make_study(parse_space(definition, source="tiny.toml"))
    make_loop(study, FakePipeline(log), trials=6, parallel=2).run()
    found = records(study)
    assert len(found) == 6
    assert len({r.candidate.plan.label for r in found[:4]}) == 4
    assert len({r.candidate.arch.attention for r in found[:4]}) == 1
    assert ended(log)["train"] == count_trainings(found) == len({r.candidate.arch.attention for r in found})


def test_loop_repeats_itself_from_its_seed(make_study, make_loop, tmp_path):
    definition = grid_definition(sampler="tpe", points=[])
    drawn = []
    for name in ("a", "b"):
        study = make_study(parse_space(definition, source="tiny.toml"), name, seed=3)
        loop: Loop = make_loop(study, FakePipeline(tmp_path / name), trials=4, parallel=1)
        loop.run()
        drawn.append([record.candidate for record in records(study)])
    assert drawn[0] == drawn[1]


def test_only_trials_for_which_a_job_ended_are_looked_at(grid, make_study, make_loop, tmp_path, monkeypatch):
    looked, real = [], Evaluation.advance
    monkeypatch.setattr(
        Evaluation, "advance", lambda self, scheduler: looked.append(self.number) or real(self, scheduler)
    )
    study = make_study(grid)
    make_loop(study, FakePipeline(tmp_path / "log"), parallel=12).run()
    # Once when it begins, and at most once for each of its five jobs.
    assert max(Counter(looked).values()) <= 6


def test_a_study_ends_when_its_front_has_stalled_and_goes_on_without_that(grid, make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(grid)

    def loop(stall):
        opened = open_study("tiny", study.url)
        made = make_loop(opened, FakePipeline(log), parallel=1)
        made.stalling = Stalling(opened, stall)
        return made

    first = loop(Stall(trainings=1))
    assert first.run() == "stalled"
    # Networks none and sa grow the front, csa is beaten by sa: with its first trial nothing has been gained.
    assert nonzero(study) == {"complete": 7, "waiting": 5}
    assert "over the last 1 of 3 trainings its hypervolume has grown by 0 %" in str(first.stalled)
    assert loop(Stall(trainings=1)).run() == "stalled"
    assert nonzero(study) == {"complete": 7, "waiting": 5}
    assert loop(Stall(trainings=3)).run() == "done"  # Over all four networks it has grown.
    assert nonzero(study) == {"complete": 12}
