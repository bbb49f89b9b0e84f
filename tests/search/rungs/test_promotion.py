"""Who goes on, on standings that can be ranked by hand: latency in ms, accuracy in dB."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from mqn.search.rungs.promotion import Plans, best, crowding, spared


def plan(number: int, accuracy: float, latency: float = 0.0, broken: float = 0.0) -> tuple[float, ...]:
    return number, latency, -accuracy, broken


def chosen(plans: Iterable[tuple[float, ...]], wanted: int = 1) -> set[int]:
    rows = np.array(list(plans), dtype=float).reshape(-1, 4)
    found = Plans(trainings=rows[:, 0].astype(np.int64), points=rows[:, 1:3], broken=rows[:, 3])
    return set(best(found, wanted).tolist())


def test_of_three_that_differ_in_accuracy_alone_the_best_goes_on():
    assert chosen(plan(i, accuracy) for i, accuracy in enumerate([20, 22, 21])) == {1}


def test_all_go_on_where_no_more_are_wanted():
    assert chosen([]) == set()
    assert chosen([plan(0, 20)]) == {0}
    assert chosen([plan(0, 20), plan(0, 30), plan(3, 10)], 2) == {0, 3}


def test_a_fast_network_is_not_judged_by_its_accuracy_alone():
    slow = [plan(i, 30 + i, 100.0 + i) for i in range(5)]
    assert 9 in chosen([*slow, plan(9, 20, 10.0)], 3)


def test_a_training_is_as_good_as_its_best_plan():
    assert chosen([plan(0, 25, 90.0), plan(0, 25, 10.0), plan(1, 25, 20.0), plan(2, 25, 30.0)]) == {0}


def test_who_breaks_a_constraint_comes_after_all_that_keep_it():
    broken = [plan(0, 40, 1.0, broken=0.5), plan(1, 40, 1.0, broken=0.1)]
    assert chosen([*broken, plan(2, 10, 50.0)]) == {2}
    assert chosen([*broken, plan(2, 10, 50.0)], 2) == {2, 1}


def test_of_a_front_the_ends_and_then_those_with_space_around_them_go_on():
    points = [(1, 1), (2, 2), (2.1, 2.1), (9, 9)]
    front = [plan(i, accuracy, latency) for i, (accuracy, latency) in enumerate(points)]
    assert chosen(front, 2) == {0, 3}
    assert chosen(front, 3) == {0, 2, 3}


def test_equals_go_on_by_trial_number():
    assert chosen(plan(i, 20, 5.0) for i in (7, 3, 5)) == {3}


def test_the_order_in_which_results_come_makes_no_difference():
    points = [(1, 9), (5, 5), (9, 1), (4, 6), (5, 5)]
    some = [plan(i % 4, accuracy, latency) for i, (accuracy, latency) in enumerate(points)]
    assert len({frozenset(chosen(order, 2)) for order in itertools.permutations(some)}) == 1


def test_about_the_share_that_is_spared_is_spared_and_always_the_same():
    drawn = [spared(f"training {i}", 3, 0.1) for i in range(2000)]
    assert 150 < sum(drawn) < 250
    assert drawn == [spared(f"training {i}", 3, 0.1) for i in range(2000)]
    assert not any(spared(f"training {i}", 3, 0.0) for i in range(2000))


def test_crowding_sums_the_space_between_neighbours():
    points = np.array([[0.0, 10.0], [1.0, 8.0], [10.0, 0.0]])
    assert crowding(points).tolist() == [np.inf, 2.0, np.inf]  # The middle one: (10 - 0) / 10 + (10 - 0) / 10.
