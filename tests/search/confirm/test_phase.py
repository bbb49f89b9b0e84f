"""Studies of trivial stages whose front is confirmed."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.support.search_fakes import FakePipeline, grid_definition, nonzero

from mqn.profile_tables.budget import BudgetProfile
from mqn.report.front.front import front
from mqn.search.budget.budgets import Budgets
from mqn.search.space.ending import Confirm
from mqn.search.space.space_file import parse_space
from mqn.search.space.tables.rungs import Rungs
from mqn.search.study.studies import open_study
from mqn.search.study.trials import count_confirmations, records
from mqn.search.trials.confirmation import Confirmation

pytestmark = pytest.mark.integration  # Whole studies run in a database.

ALIKE = ("arch.attention", "training.seed")


def trained(log):
    """Trainings that ended, by network and seed."""
    return Counter(line.split()[2] for line in log.read_text().splitlines() if line.startswith("end train"))


def run(make_loop, study, log, *, seeds=None, said=None, **options):
    loop = make_loop(open_study("tiny", study.url), FakePipeline(log, alike=ALIKE), **options)
    return loop.run_and_confirm(None if seeds is None else Confirm(seeds=seeds), ([] if said is None else said).append)


def test_members_are_trained_again_once_a_seed_however_many_plans_share_the_training(
    grid, make_study, make_loop, tmp_path
):
    log, study, said = tmp_path / "log", make_study(grid), []
    assert run(make_loop, study, log, seeds=2, said=said) == ("done", None)
    # `sa` and `ca` come to the same figures; of each the all-float plan is the cheapest and scores best.
    front_of = [record.number for record in records(study) if record.confirms is None and _best(study, record)]
    assert len(front_of) == 2
    assert said == ["confirming the 2 trials of the front with 2 further seeds each: 4 trials are queued"]
    assert trained(log) == {f"{name}/0": 1 for name in ("none", "sa", "csa", "ca")} | {
        f"{name}/{seed}": 1 for name in ("sa", "ca") for seed in (1, 2)
    }
    confirming = [record for record in records(study) if record.confirms is not None]
    assert Counter(record.confirms for record in confirming) == dict.fromkeys(front_of, 2)
    assert sorted(record.candidate.training.seed for record in confirming) == [1, 1, 2, 2]
    assert all("seed" in record.label for record in confirming)
    assert nonzero(study) == {"complete": 12}
    assert study.begun() == 12
    assert count_confirmations(study)["complete"] == 4
    found = front(records(study), study.space.objectives)
    assert found.complete == 12
    assert {point.record.number: len(point.confirmed_by) for point in found.points} == dict.fromkeys(front_of, 2)


def _best(study, record):
    return record.number in {point.record.number for point in front(records(study), study.space.objectives).points}


def test_a_finished_study_is_confirmed_later_and_nothing_is_queued_twice(grid, make_study, make_loop, tmp_path):
    log, study, said = tmp_path / "log", make_study(grid), []
    assert run(make_loop, study, log) == ("done", None)
    for seeds in (1, 1, 2, 1):
        run(make_loop, study, log, seeds=seeds, said=said)
    assert [line.split(": ")[1] for line in said] == [f"{count} trials are queued" for count in (2, 0, 2, 0)]
    assert count_confirmations(study)["complete"] == 4
    assert max(trained(log).values()) == 1


def test_a_driver_that_dies_while_it_confirms_leaves_its_trials_behind(grid, make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(grid)
    run(make_loop, study, log)
    study.enqueue_confirmations([Confirmation(trial=5, seed=1), Confirmation(trial=5, seed=2)])
    begun = study.ask_confirmation()  # and its driver is gone
    assert (begun.confirms, begun.params) == (Confirmation(trial=5, seed=1), study.trials()[5].params)
    assert nonzero(study) == {"complete": 12}
    assert run(make_loop, study, log) == ("done", None)  # without being asked again
    assert count_confirmations(study)["complete"] == 2
    assert trained(log)["sa/1"] == trained(log)["sa/2"] == 1


def test_a_budget_of_trainings_is_the_search_s_and_any_other_holds_confirmations_back(
    grid, make_study, make_loop, tmp_path
):
    log, study = tmp_path / "log", make_study(grid)
    pipeline = FakePipeline(log, alike=ALIKE, epochs=1)
    loop = make_loop(study, pipeline, parallel=1, budgets=Budgets(BudgetProfile(trainings=2)))
    stopped, used_up = loop.run_and_confirm(Confirm(seeds=1), [].append)
    assert (stopped, used_up.name) == ("budget", "trainings")
    assert count_confirmations(study)["complete"] == 1
    held = make_loop(open_study("tiny", study.url), pipeline, trials=1, budgets=Budgets(BudgetProfile(hours=1e-12)))
    stopped, used_up = held.run_and_confirm(Confirm(seeds=2), [].append)
    assert used_up is None or used_up.name == "hours"
    assert count_confirmations(study) | {"complete": 0} == dict.fromkeys(count_confirmations(study), 0) | {"waiting": 1}


def test_there_is_nothing_to_confirm_where_nothing_keeps_the_constraints(make_study, make_loop, tmp_path):
    limited = parse_space(grid_definition(constraints=[{"metric": "latency_ms", "max": 1.0}]), source="tiny.toml")
    study, said = make_study(limited), []
    assert run(make_loop, study, tmp_path / "log", seeds=3, said=said) == ("done", None)
    assert said == ["no complete trial keeps the constraints, so there is nothing to confirm"]


def test_samplers_see_nothing_of_confirmations(make_study, make_loop, tmp_path):
    plain = {"sampler": "tpe", "trials": 4, "points": [], "dimensions": {"arch.width": {"low": 0.1, "high": 1.0}}}
    space = parse_space(grid_definition(**plain), source="tiny.toml")
    study = make_study(space)
    pipeline = FakePipeline(tmp_path / "log", alike=("arch.width", "training.seed"))
    make_loop(study, pipeline, trials=4).run_and_confirm(Confirm(seeds=2), [].append)
    mirror = study._mirror
    assert len(mirror.history.all()) == 4
    assert len(mirror.known) == 4
    assert mirror.uncounted == len(mirror.confirmations()) == 2 * len(front(records(study), space.objectives).points)
    make_loop(open_study("tiny", study.url), pipeline, trials=6).run()
    assert nonzero(study) == {"complete": 6}


def test_a_front_behind_a_gate_is_confirmed_within_no_budget_of_trainings(make_study, make_loop, tmp_path):
    limit = {"metric": "latency_ms", "max": 35.0}
    definition = grid_definition(constraints=[limit], gate={"hard": ["latency_ms"]})
    log, study = tmp_path / "log", make_study(parse_space(definition, source="tiny.toml"))
    pipeline = FakePipeline(log, alike=ALIKE, epochs=3, gate=True)
    budgets = Budgets(BudgetProfile(trainings=2))
    loop = make_loop(study, pipeline, budgets=budgets, parallel=2)
    stopped, _ = loop.run_and_confirm(Confirm(seeds=1), [].append)
    assert stopped == "done"
    assert nonzero(study) == {"complete": 6, "gated": 6}
    assert {state: count for state, count in count_confirmations(study).items() if count} == {"complete": 2}
    assert trained(log) == {"sa/0": 1, "ca/0": 1, "sa/1": 1, "ca/1": 1}
    assert budgets.spent().trainings == 4


def test_what_confirms_a_front_is_trained_to_its_end_whatever_the_rungs(make_study, make_loop, tmp_path):
    definition = grid_definition(rungs={"spared": 0.0}, fixed={"training": {"epochs": 9}})
    log, study = tmp_path / "log", make_study(parse_space(definition, source="tiny.toml"))
    pipeline = FakePipeline(log, alike=ALIKE, epochs=9, rungs=Rungs(spared=0.0))
    assert make_loop(study, pipeline).run_and_confirm(Confirm(seeds=2), [].append) == ("done", None)
    assert nonzero(study).keys() == {"complete", "stopped"}
    members = {point.record.number for point in front(records(study), study.space.objectives).points}
    told = {state: count for state, count in count_confirmations(study).items() if count}
    assert told == {"complete": 2 * len(members)}
    assert max(trained(log).values()) == 1
