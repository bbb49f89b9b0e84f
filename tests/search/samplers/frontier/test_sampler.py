"""The sampler `frontier` on a made-up landscape, with a standard Optuna study."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from tests.support.landscape import outcome, space

from mqn.search.samplers.frontier.sampler import FALLBACK, FrontierSampler
from mqn.search.space.dimensions import Params
from mqn.search.space.space import Space
from mqn.search.trials.knowledge import curve_attribute, float_attribute, gate_attribute
from mqn.search.trials.sampling import with_distributions


def trial(made: Space, point: Params, state: TrialState = TrialState.COMPLETE, **more: Any) -> FrozenTrial:
    values, told = with_distributions(made, point), outcome(point)
    figures = [told.psnr_tm, told.latency_ms][: len(made.objectives)]
    system = {**float_attribute({"psnr_tm_float": told.psnr_tm_float}), **curve_attribute(told.curve)}
    return create_trial(
        state=state,
        values=figures if state == TrialState.COMPLETE else None,
        params={key: value for key, (value, _) in values.items()},
        distributions={key: distribution for key, (_, distribution) in values.items()},
        system_attrs=system if (given := more.pop("system", None)) is None else given,
        **more,
    )


def study(made: Space, seed: int = 0) -> optuna.Study:
    directions = made.directions
    return optuna.create_study(directions=directions, sampler=FrontierSampler(made, seed=seed))


def draw(one: optuna.Study, made: Space) -> Params:
    asked = one.ask()
    point = made.draw(asked)
    one.tell(asked, state=TrialState.FAIL)
    return point


def search(made: Space, trainings: int, seed: int = 0) -> tuple[optuna.Study, list[Params]]:
    one, points = study(made, seed), []
    for _ in range(trainings):
        point = draw(one, made)
        points.append(point)
        one.add_trials([trial(made, plan) for plan in (point, *made.siblings(point))])
    return one, points


def networks(points: Iterable[Params]) -> list[str]:
    return [json.dumps({k: v for k, v in sorted(p.items()) if not k.startswith("plan.")}) for p in points]


@pytest.mark.slow
def test_no_training_is_drawn_twice_and_the_same_seed_draws_the_same():
    made = space()
    _, first = search(made, 9)
    _, again = search(made, 9)
    _, other = search(made, 9, seed=1)
    assert first == again
    assert first != other
    assert len(set(networks(first))) == 9


def test_trainings_that_run_are_not_drawn_again_and_change_the_next_draw():
    made = space()
    one, _ = search(made, 10)
    first = draw(one, made)
    one.add_trial(trial(made, first, TrialState.RUNNING, system={}))
    second = draw(one, made)
    assert len(set(networks([first, second]))) == 2


def test_a_training_that_failed_is_not_drawn_again():
    made = space()
    one, _ = search(made, 8)
    failed = [draw(one, made) for _ in range(3)]  # `draw` ends its trial as failed
    assert len(set(networks(failed))) == 3


@pytest.mark.slow
def test_what_the_gate_refused_is_learnt():
    bound = {"constraints": [{"metric": "latency_ms", "max": 12.0}]}
    made = space(**bound)
    one, points = study(made), []
    for _ in range(18):
        point = draw(one, made)
        points.append(point)
        for plan in (point, *made.siblings(point)):
            latency = outcome(plan).latency_ms
            broken = {"latency_ms <= 12": latency - 12.0}
            gated = latency > 12.0
            told = gate_attribute({"latency_ms": latency}) if gated else None
            system = {} if told is None else {"system": told}
            state = TrialState.PRUNED if gated else TrialState.COMPLETE
            one.add_trial(trial(made, plan, state, constraints=broken, **system))
    chosen = [min(outcome(plan).latency_ms for plan in (p, *made.siblings(p))) for p in points]
    assert np.mean(np.array(chosen[8:]) <= 12.0) > np.mean(np.array(chosen[:5]) <= 12.0)
    assert np.mean(np.array(chosen[8:]) <= 12.0) >= 0.9


@pytest.mark.slow
def test_plans_that_fail_are_learnt_and_expected_no_more():
    """As where a side has no kernel that is large enough for a scheme. Before, four draws of five were such plans."""
    made = space()

    def fails(point: Params) -> bool:
        return point["plan.backbone"] == "static_wi8_ai8" and float(point["arch.decoder_width"]) < 1.5

    one, failed = study(made, seed=2), []
    for _ in range(20):
        asked = one.ask()
        point = made.draw(asked)
        failed.append(fails(point))
        one.tell(asked, state=TrialState.FAIL)
        for plan in (point, *made.siblings(point)):
            state = TrialState.FAIL if fails(plan) else TrialState.COMPLETE
            one.add_trial(trial(made, plan, state, system={} if fails(plan) else None))
    assert np.mean(failed[8:]) <= 0.25


def test_without_expansion_points_are_weighed_by_themselves():
    made = space(expansion={"dimensions": []})
    one, points = study(made), []
    for _ in range(14):
        points.append(draw(one, made))
        one.add_trial(trial(made, points[-1]))
    assert len({json.dumps(point, sort_keys=True) for point in points}) == 14


def test_without_any_knowledge_it_learns_from_values_alone():
    made = space(objectives=[{"metric": "psnr_tm"}])
    one = study(made)
    for _ in range(9):
        point = draw(one, made)
        one.add_trial(trial(made, point, system={}))
    assert set(draw(one, made)) <= {dimension.key for dimension in made.dimensions}


@pytest.mark.parametrize("more", ["size_bytes", "peak_memory_mb"])
def test_with_too_many_objectives_tpe_draws_and_the_trial_says_so(more):
    goals = [{"metric": name} for name in ("psnr_tm", "latency_ms", "macs", more)]
    made = space(objectives=goals)
    one = study(made)
    asked = one.ask()
    made.draw(asked)
    assert "4 objectives are more than the 3" in one.trials[0].system_attrs[FALLBACK]


@pytest.mark.slow
def test_who_reads_a_study_waits_for_no_library_of_the_models() -> None:
    code = "import sys, mqn.search.study.driver; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
