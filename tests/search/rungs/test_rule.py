"""Rungs after 1 and 3 of 9 epochs, a third goes on; nobody is spared where a test does not say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mqn.search.rungs.ledger import Ledger
from mqn.search.rungs.replay import replay
from mqn.search.rungs.rule import Result, Rule
from mqn.search.space.goals import Constraint
from mqn.search.space.tables.rungs import Rungs


def rule(spared: float = 0.0, **settings) -> Rule:
    return Rule(rungs=Rungs(spared=spared), seed=0, costs={"latency_ms": "minimize"}, **settings)


def trial(number: int, *curve: float, training: str | None = None, latency: float | None = 10.0, **more) -> Result:
    known = {} if latency is None else {"latency_ms": latency}
    return Result(number=number, training=training or f"t{number}", epochs=9, curve=curve, known=known, **more)


def decide(rule: Rule, results: list[Result]) -> dict[str, int]:
    return dict(Ledger(rule, results).decide())


def test_a_rung_is_reached_by_its_epochs_and_the_best_third_goes_on():
    found = decide(rule(), [trial(0, 20), trial(1, 22), trial(2, 21), trial(3)])
    assert found == {"t0": 0, "t1": 1, "t2": 0, "t3": 0}


def test_each_rung_judges_those_that_reached_it():
    whole = trial(0, *[20] * 9, promoted=2)
    assert decide(rule(), [whole, trial(1, 22, 23, 24, promoted=1), trial(2, 21)]) == {"t0": 2, "t1": 2, "t2": 0}


def test_who_was_promoted_stays_so_whatever_comes_later():
    better = [trial(i, 30) for i in (1, 2)]
    assert decide(rule(), [trial(0, 20, promoted=1), *better])["t0"] == 1


def test_who_is_spared_goes_on():
    assert decide(rule(spared=1.0), [trial(0, 20), trial(1, 22)]) == {"t0": 1, "t1": 1}


def test_plans_of_one_training_are_judged_together():
    plans = [trial(0, 20, training="a", latency=50.0), trial(1, training="a", latency=5.0)]
    assert decide(rule(), [*plans, trial(2, 20, latency=20.0), trial(3, 20, latency=30.0)])["a"] == 1


def test_what_plans_lost_in_finished_trials_is_expected_of_others():
    over = [
        trial(0, *[1.0] * 9, plan="int8", lost=5.0, promoted=2),
        trial(1, *[1.0] * 9, plan="f16", lost=0.0, promoted=2),
    ]
    found = decide(rule(), [*over, trial(2, 24, plan="int8"), trial(3, 23, plan="f16")])
    assert (found["t2"], found["t3"]) == (0, 1)


def test_a_plan_is_expected_to_lose_the_mean_of_what_it_lost_and_a_new_one_that_of_all():
    ends = {"int8": (1.0, 2.0), "f16": (0.0,)}  # Of all trials the mean is 1 dB.
    lost = [(plan, one) for plan, losses in ends.items() for one in losses]
    over = [trial(i, *[1.0] * 9, plan=plan, lost=one, promoted=2) for i, (plan, one) in enumerate(lost)]
    for gained, first in ((0.4, 0), (0.6, 1)):  # The plan of 1.5 dB must be 0.5 dB better to win.
        some = [trial(8, 24, plan="int4"), trial(9, 24 + gained, plan="int8")]
        found = decide(rule(), [*over, *some])
        assert (found["t8"], found["t9"]) == (1 - first, first)


def test_a_result_takes_the_place_of_what_was_on_record_and_can_be_dropped():
    ledger = Ledger(rule(), [trial(0, 20), trial(1, 22), trial(2)])
    assert ledger.decide() == {"t0": 0, "t1": 1, "t2": 0}
    ledger.put(trial(0, 23))
    assert ledger.decide() == {"t0": 1, "t1": 0, "t2": 0}
    ledger.drop(0)
    assert ledger.decide() == {"t1": 1, "t2": 0}


def test_results_that_come_one_by_one_give_the_same_as_all_at_once():
    drawn = np.random.default_rng(5)
    results = [
        trial(
            i, *[drawn.normal(25, 2)] * int(drawn.choice([0, 1, 3, 9])), training=f"t{i // 2}", latency=float(latency)
        )
        for i, latency in enumerate(drawn.uniform(1, 30, 60))
    ]
    ledger = Ledger(rule(0.1))
    for i, result in enumerate(results):
        for step in steps_of(result):
            ledger.put(step)
            ledger.decide()
        assert ledger.decide() == decide(rule(0.1), results[i::-1])


def steps_of(result: Result) -> list[Result]:
    """A trial as it is told little by little: nothing, then figures, then its curve, then that it was promoted."""
    known, bare = replace(result, curve=(), promoted=0), replace(result, curve=(), promoted=0, known={})
    return [bare, known, replace(result, promoted=0), result]


def test_without_a_known_latency_accuracy_decides():
    found = decide(rule(), [trial(0, 20, latency=1.0), trial(1, 22, latency=None), trial(2, 21, latency=1.0)])
    assert found == {"t0": 0, "t1": 1, "t2": 0}


def test_a_soft_constraint_that_is_known_to_be_broken_counts():
    bound = rule(constraints=[Constraint(metric="latency_ms", max=15.0)])
    assert decide(bound, [trial(0, 40, latency=16.0), trial(1, 20, latency=14.0)]) == {"t0": 0, "t1": 1}


def test_a_replay_tells_who_would_have_been_stopped_and_the_epochs_saved():
    curves = [[20.0 + i + 0.1 * epoch for epoch in range(9)] for i in (5, 4, 3, 2, 1, 0)]
    found = replay([trial(i, *curve) for i, curve in enumerate(curves)], rule())
    # The second waits at rung 1 until two of six may go beyond it, and stops at rung 2.
    assert found.stopped == {"t1": 3, "t2": 1, "t3": 1, "t4": 1, "t5": 1}
    assert (found.trainings, found.epochs, found.saved_epochs) == (6, 54, 6 + 4 * 8)


def test_a_replay_of_a_study_without_curves_has_no_trainings():
    assert replay([trial(0)], rule()).trainings == 0
