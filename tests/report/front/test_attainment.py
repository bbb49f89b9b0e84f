"""Attainment surfaces, by hand and against their definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mqn.report.front.attainment import attained_front, counts_of

WIDE, MIDDLE, CORNER = [(1, 3), (3, 1)], [(2, 2)], [(1, 1)]


def test_one_run_alone_attains_its_front():
    assert attained_front([[(1, 3), (3, 1), (3, 3)]], 1).tolist() == [[1, 3], [3, 1]]


def test_what_one_of_two_runs_attains_is_the_front_of_both():
    assert attained_front([WIDE, MIDDLE], 1).tolist() == [[1, 3], [2, 2], [3, 1]]


def test_what_both_runs_attain_is_as_bad_as_the_worse_of_them_everywhere():
    assert attained_front([WIDE, MIDDLE], 2).tolist() == [[2, 3], [3, 2]]


@pytest.mark.parametrize(("count", "corners"), [(1, [[1, 1]]), (2, [[1, 3], [2, 2], [3, 1]]), (3, [[2, 3], [3, 2]])])
def test_the_median_of_three_runs_lies_between_the_best_and_the_worst(count, corners):
    assert attained_front([WIDE, MIDDLE, CORNER], count).tolist() == corners


def test_in_one_objective_it_is_the_order_of_the_best_values():
    runs = [[(4,), (2,)], [(5,)], [(3,)]]
    assert [attained_front(runs, count).tolist() for count in (1, 2, 3)] == [[[2]], [[3]], [[5]]]


def test_in_three_objectives_two_points_meet_in_their_worst_values():
    assert attained_front([[(1, 1, 1)], [(2, 0, 3)]], 2).tolist() == [[2, 1, 3]]


def test_a_run_without_points_attains_nothing():
    empty = np.empty((0, 2))
    assert attained_front([WIDE, empty], 1).tolist() == [[1, 3], [3, 1]]
    assert attained_front([WIDE, empty], 2).shape == (0, 2)


@pytest.mark.parametrize("objectives", [2, 3])
def test_surfaces_bound_exactly_what_so_many_runs_attain(objectives):
    draws = np.random.default_rng(objectives)
    runs = [draws.integers(0, 5, (4, objectives)) for _ in range(5)]
    for count in range(1, 6):
        corners = attained_front(runs, count)
        for place in itertools.product(range(6), repeat=objectives):
            attaining = sum(bool((run <= place).all(axis=1).any()) for run in runs)
            assert bool((corners <= place).all(axis=1).any()) == (attaining >= count)


@pytest.mark.parametrize(
    ("runs", "count", "words"),
    [
        ([WIDE], 2, "not in 1 .. 1"),
        ([WIDE, [(1, 2, 3)]], 1, "the same objectives"),
        ([[(1, 2, 3, 4)]], 1, "3 at most"),
    ],
)
def test_what_cannot_be_compared_is_refused(runs, count, words):
    with pytest.raises(ValueError, match=words):
        attained_front(runs, count)


@pytest.mark.parametrize(
    ("runs", "shown"),
    [
        (1, {}),
        (2, {1: "best", 2: "worst"}),
        (3, {1: "best", 2: "median", 3: "worst"}),
        (4, {1: "best", 2: "median", 4: "worst"}),
        (8, {1: "best", 2: "25 %", 4: "median", 6: "75 %", 8: "worst"}),
    ],
)
def test_best_quarter_median_three_quarters_and_worst_are_shown(runs, shown):
    assert counts_of(runs) == shown
