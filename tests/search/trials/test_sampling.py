from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import optuna
import pytest
from tests.support.records import make_trial
from tests.support.search_fakes import FakePipeline, nonzero

from mqn.records import TrialRecord
from mqn.search.space.dimensions import Dimension
from mqn.search.space.settling import identity, settle
from mqn.search.space.space import Space
from mqn.search.space.space_file import parse_space
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study
from mqn.search.study.trials import records
from mqn.search.trials.mirror import params_of
from mqn.search.trials.sampling import untried

pytestmark = pytest.mark.integration  # Whole studies are drawn, point by point, in a database.

KINDS: dict[str, dict[str, Any]] = {
    "choices": {
        "arch.attention": {"choices": ["none", "sa", "csa", "ca"]},
        "plan.head": {"choices": ["float32", "float16"]},
    },
    "steps": {"training.lambda_l1": {"low": 0.1, "high": 0.8, "step": 0.1}},
    "whole": {"training.epochs": {"low": 1, "high": 8}},
    "logarithm": {"training.epochs": {"low": 1, "high": 8, "log": True}},
    "conditions": {
        "plan.backbone": {"choices": ["float32", "static_wi8_ai8"]},
        "plan.calibration": {"choices": ["minmax", "moving_average"], "when": {"plan.backbone": ["static_wi8_ai8"]}},
        "training.epochs": {"choices": [1, 2, 3, 4, 5, 6], "when": {"plan.backbone": ["float32"]}},
    },
    # So many that TPE draws from what it has learnt, and NSGA-II comes to its second generation.
    "many": {"training.epochs": {"low": 1, "high": 14}, "arch.attention": {"choices": ["none", "sa"]}},
    "one": {"training.epochs": {"low": 1, "high": 1}, "arch.attention": {"choices": ["none"]}},
}
POINTS = {"one": 1, "many": 28}


def space(kind: str, sampler: str = "tpe", **changes: Any) -> Space:
    definition = {
        "name": "tiny",
        "sampler": sampler,
        "trials": 30,
        "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
        "dimensions": KINDS[kind],
        **changes,
    }
    return parse_space(definition, source="tiny.toml")


def run(study: Study, trials: int = 30, parallel: int = 3) -> str:
    """What a loop does with a study, without the work: ask, expand, finish the oldest."""
    active: list[tuple[optuna.Trial, TrialRecord]] = []
    while study.begun() < trials and (trial := study.ask()) is not None:
        candidate = study.space.candidate(trial.params)
        study.enqueue(study.space.siblings(trial.params))
        cost = float(len(str(sorted(trial.params.items()))))
        figures = {"psnr_tm": cost, "latency_ms": cost % 7}
        record = make_trial(trial.number, study=study.name, candidate=candidate, figures=figures)
        active.append((trial, record))
        if len(active) == parallel:
            finish(study, *active.pop(0))
    for pair in active:
        finish(study, *pair)
    return "done" if study.begun() >= trials else "exhausted"


def finish(study: Study, trial: optuna.Trial, record: TrialRecord) -> None:
    study.note(trial, record)
    study.finish(trial, record)


def points(study: Study) -> list[str]:
    return [json.dumps(record.candidate.flat(), sort_keys=True) for record in records(study)]


@pytest.mark.parametrize(
    ("kind", "sampler"),
    [
        *((kind, "tpe") for kind in KINDS),
        ("choices", "nsga2"),
        ("conditions", "nsga2"),
        ("many", "nsga2"),
        ("conditions", "random"),
    ],
)
def test_no_point_is_evaluated_twice_and_an_exhausted_space_ends(kind, sampler, make_study):
    study = make_study(space(kind, sampler))
    assert run(study) == "exhausted"
    found = points(study)
    assert len(set(found)) == len(found) == POINTS.get(kind, 8)
    assert nonzero(study) == {"complete": len(found)}


def test_as_many_trials_as_points_are_done_not_exhausted(make_study, make_loop, tmp_path):
    study = make_study(space("choices"))
    assert make_loop(study, FakePipeline(tmp_path / "log"), trials=8).run() == "done"
    assert make_loop(open_study("tiny", study.url), FakePipeline(tmp_path / "log"), trials=9).run() == "exhausted"


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_siblings_of_expansion_are_not_drawn_again(sampler, make_study):
    dimensions = {**KINDS["choices"], **KINDS["steps"]}
    made = space("choices", sampler, dimensions=dimensions, expansion={"dimensions": ["training.lambda_l1"]})
    study = make_study(made)
    assert run(study, trials=20) == "done"
    found = points(study)
    assert len(set(found)) == 20
    networks = Counter((r.candidate.arch.attention, r.candidate.plan.head) for r in records(study))
    assert sorted(networks.values())[-2:] == [8, 8]


def test_a_resumed_study_draws_nothing_again(make_study):
    study = make_study(space("choices"))
    for trials in (3, 5, 8):
        run(open_study("tiny", study.url), trials=trials, parallel=1)
    assert len(set(points(study))) == len(points(study)) == 8


def test_points_that_somebody_queued_are_completed_and_never_repeated(make_study):
    study = make_study(space("choices"))
    whole = {"arch.attention": "sa", "plan.head": "float16"}
    for params in (whole, whole, {"arch.attention": "ca"}, {"arch.attention": "ca"}, {"arch.attention": "ca"}):
        study.optuna.enqueue_trial(params)
    study.optuna.enqueue_trial({"arch.attention": "no such"})
    assert run(study, parallel=1) == "exhausted"
    found = records(study)
    assert [record.candidate.arch.attention for record in found[:3]] == ["sa", "ca", "ca"]
    assert len(set(points(study))) == len(found) == 8
    # What stands for nothing is finished, and counted nowhere.
    assert len(study.optuna.get_trials(states=[optuna.trial.TrialState.FAIL])) == 3
    assert nonzero(study) == {"complete": 8}


def test_a_trial_that_was_killed_before_it_had_a_point_gets_one(make_study, make_loop, tmp_path):
    study = make_study(space("choices"))
    study.optuna.ask()
    half = study.optuna.ask()
    half.suggest_categorical("arch.attention", ["none", "sa", "csa", "ca"])
    assert make_loop(open_study("tiny", study.url), FakePipeline(tmp_path / "log"), trials=30).run() == "exhausted"
    assert len(set(points(study))) == len(points(study)) == 8
    assert study.trials()[1].params["arch.attention"] == half.params["arch.attention"]


def test_a_continuous_dimension_is_never_exhausted(make_study):
    dimensions = {"training.lambda_l1": {"low": 0.1, "high": 1.0}, "arch.attention": {"choices": ["none", "sa"]}}
    study = make_study(space("choices", dimensions=dimensions))
    assert run(study, trials=15) == "done"
    assert len(set(points(study))) == 15


def test_a_value_outside_the_space_beneath_a_continuous_dimension_is_not_looked_for_without_end(make_study):
    dimensions = {
        "training.learning_rate": {"low": 1e-4, "high": 1e-2},
        "arch.attention": {"choices": ["none", "sa"]},
    }
    study = make_study(space("one", dimensions=dimensions))
    study.optuna.enqueue_trial({"arch.attention": "none of them"})
    assert run(study, trials=2) == "done"
    assert {trial.params["arch.attention"] for trial in study.trials()} <= {"none", "sa"}


def test_a_branch_without_points_left_is_left(make_study):
    dimensions = {
        "arch.attention": {"choices": ["none", "sa"]},
        "training.lambda_l1": {"low": 0.1, "high": 1.0, "when": {"arch.attention": ["sa"]}},
    }
    study = make_study(space("choices", dimensions=dimensions))
    assert run(study, trials=15, parallel=1) == "done"
    assert [record.candidate.arch.attention for record in records(study)].count("none") <= 1


def test_a_grid_takes_a_point_that_is_listed_twice_once(make_study, make_loop, tmp_path):
    twice = [{"plan.head": "float32"}, {"plan.head": "float16"}, {"plan.head": "float32"}]
    study = make_study(space("choices", "grid", dimensions={}, points=twice))
    assert make_loop(study, FakePipeline(tmp_path / "log"), trials=30).run() == "done"
    assert nonzero(study) == {"complete": 2}


def test_drawing_repeats_itself_from_its_seed(make_study):
    drawn = []
    for name in ("a", "b"):
        study = make_study(space("conditions"), name, seed=3)
        run(study, parallel=1)
        drawn.append(points(study))
    assert drawn[0] == drawn[1]


def test_sum_of_steps_is_the_step():
    made = space("steps")
    point = settle(made, {"training.lambda_l1": 0.1 + 0.2})
    assert point == {"training.lambda_l1": 0.3}
    assert identity(point) == identity({"training.lambda_l1": 0.3})


@pytest.mark.parametrize("value", [0.35, 0.9, 0.0, "0.3", float("nan"), None])
def test_what_lies_outside_is_no_point(value):
    assert settle(space("steps"), {"training.lambda_l1": value}) is None


def test_values_that_do_not_count_make_no_other_point():
    made = space("conditions")
    one = settle(made, {"plan.backbone": "float32", "training.epochs": 3, "plan.calibration": "minmax"})
    assert one == {"plan.backbone": "float32", "training.epochs": 3}
    assert settle(made, {"plan.backbone": "float32"}) is None


def test_a_large_space_is_looked_through_only_as_far_as_needed():
    huge = Dimension(key="training.epochs", low=1, high=10**9, step=1)
    assert len(set(zip(range(5), huge.wander(np.random.default_rng(0)), strict=False))) == 5
    made = space(
        "choices", dimensions={"training.epochs": {"low": 1, "high": 3}, "training.seed": {"low": 1, "high": 3}}
    )
    known: set[str] = set()
    while (point := untried(made, np.random.default_rng(len(known)), known=known)) is not None:
        known.add(identity(point))
    assert len(known) == 9


def test_failed_trials_are_tried_again_and_stand_for_nothing(grid, make_study, make_loop, tmp_path):
    study, log = make_study(grid), tmp_path / "log"
    make_loop(study, FakePipeline(log, sick={"train": -1.0})).run()
    assert nonzero(study) == {"complete": 9, "failed": 3}
    for tried in (3, 0):
        again = open_study("tiny", study.url)
        assert (again.retry_failed(), nonzero(again).get("waiting", 0)) == (3, 3)
        assert "failed" not in nonzero(again)
        sick = {"train": -1.0} if tried else {}
        make_loop(again, FakePipeline(log, sick=sick)).run()
        assert nonzero(again).get("failed", 0) == tried
    assert nonzero(study) == {"complete": 12}
    assert len({json.dumps(params_of(trial)) for trial in study.trials()}) == 12
    # What the failed ones had finished is not made again.
    ended = Counter(line.split()[1] for line in log.read_text().splitlines() if line.startswith("end"))
    assert ended == {"train": 4, "convert": 4, "quantize": 12, "score": 12, "measure": 12}
    assert study.retry_failed() == 0
