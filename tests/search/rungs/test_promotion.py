"""Who goes on, on standings that can be ranked by hand: latency in ms, accuracy in dB."""

from __future__ import annotations

import itertools

import numpy as np

from mqn.search.rungs.losses import Losses
from mqn.search.rungs.promotion import PlanPoint, Standing, best, crowding, spared


def standing(number: int, accuracy: float, *latencies: float, loss: float = 0.0, broken: float = 0.0) -> Standing:
    plans = tuple(PlanPoint(known=(latency,), loss=loss, broken=broken) for latency in latencies)
    return Standing(training=f"t{number}", number=number, accuracy=accuracy, plans=plans or (PlanPoint(loss=loss),))


def test_of_three_that_differ_in_accuracy_alone_the_best_goes_on():
    assert best([standing(i, accuracy) for i, accuracy in enumerate([20, 22, 21])], 3) == {"t1"}


def test_one_goes_on_however_few_there_are_and_every_third_later():
    assert best([], 3) == frozenset()
    assert best([standing(0, 20)], 3) == {"t0"}
    assert len(best([standing(i, 20 + i) for i in range(8)], 3)) == 2


def test_a_fast_network_is_not_judged_by_its_accuracy_alone():
    slow = [standing(i, 30 + i, 100.0 + i) for i in range(5)]
    assert "t9" in best([*slow, standing(9, 20, 10.0)], 2)


def test_what_the_best_plan_is_expected_to_lose_counts():
    first, second = standing(0, 25, 10.0, loss=3.0), standing(1, 24, 10.0, loss=0.5)
    assert best([first, second], 2) == {"t1"}


def test_a_training_is_as_good_as_its_best_plan():
    assert best([standing(0, 25, 90.0, 10.0), standing(1, 25, 20.0), standing(2, 25, 30.0)], 3) == {"t0"}


def test_who_breaks_a_constraint_comes_after_all_that_keep_it():
    broken = [standing(0, 40, 1.0, broken=0.5), standing(1, 40, 1.0, broken=0.1)]
    assert best([*broken, standing(2, 10, 50.0)], 3) == {"t2"}
    assert best(broken, 2) == {"t1"}


def test_of_a_front_the_ends_and_then_those_with_space_around_them_go_on():
    points = [(1, 1), (2, 2), (2.1, 2.1), (9, 9)]
    front = [standing(i, accuracy, latency) for i, (accuracy, latency) in enumerate(points)]
    assert best(front, 2) == {"t0", "t3"}


def test_equals_go_on_by_trial_number():
    assert best([standing(i, 20, 5.0) for i in (7, 3, 5)], 3) == {"t3"}


def test_the_order_in_which_results_come_makes_no_difference():
    some = [standing(i, accuracy, latency) for i, (accuracy, latency) in enumerate([(1, 9), (5, 5), (9, 1), (4, 6)])]
    assert len({best(order, 2) for order in itertools.permutations(some)}) == 1


def test_about_the_share_that_is_spared_is_spared_and_always_the_same():
    drawn = [spared(f"training {i}", 3, 0.1) for i in range(2000)]
    assert 150 < sum(drawn) < 250
    assert drawn == [spared(f"training {i}", 3, 0.1) for i in range(2000)]
    assert not any(spared(f"training {i}", 3, 0.0) for i in range(2000))


def test_crowding_sums_the_space_between_neighbours():
    points = np.array([[0.0, 10.0], [1.0, 8.0], [10.0, 0.0]])
    assert crowding(points).tolist() == [np.inf, 2.0, np.inf]  # The middle one: (10 - 0) / 10 + (10 - 0) / 10.


def test_a_plan_is_expected_to_lose_the_mean_of_what_it_lost():
    losses = Losses.seen([("int8", 1.0), ("int8", 2.0), ("float", 0.0)])
    assert (losses.expected("int8"), losses.expected("float"), losses.expected("int4")) == (1.5, 0.0, 1.0)
    assert Losses.seen([]).expected("int8") == 0.0
