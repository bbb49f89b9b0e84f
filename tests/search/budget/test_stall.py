"""When a front has stalled, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest

from mqn.errors import UsageError
from mqn.search.budget.stall import Stalled, growth, reference
from mqn.search.budget.standstill import note_stall, stall_of
from mqn.search.space.ending import Stall, parse_stall

ALL = np.ones(9, dtype=bool)


def grown(points, trainings, last, feasible=None):
    kept = ALL[: len(points)] if feasible is None else np.array(feasible)
    return growth(np.array(points, dtype=float), kept, list(trainings), last)


def test_the_reference_lies_behind_the_front_and_not_behind_the_worst_trial():
    assert reference(np.array([[0.0, 20.0], [10.0, 0.0], [900.0, 900.0]])).tolist() == [11.0, 22.0]
    assert reference(np.array([[4.0, -20.0]])).tolist() == pytest.approx([4.4, -18.0])


def test_growth_is_the_share_of_what_there_was_before_the_latest_trainings():
    # Corner (11, 11). Before: 11 x 1 + 1 x 10 = 21. The third point adds the square between (5, 5) and (10, 10): 25.
    points = [(0, 10), (10, 0), (5, 5)]
    assert grown(points, "abc", 1) == pytest.approx(25 / 21)
    assert grown([*points, (6, 6)], "abcd", 1) == 0.0
    assert grown([*points, (6, 6)], "abcd", 2) == pytest.approx(25 / 21)


def test_plans_of_one_network_go_with_its_training():
    points = [(0, 10), (10, 0), (5, 5)]
    assert grown(points, "aba", 1) == pytest.approx((21 + 25) / (11 * 1 + 6 * 6 - 6 * 1) - 1)
    assert grown(points, "aab", 2) is None  # There are two trainings in all.


def test_what_breaks_a_constraint_is_no_part_of_the_front():
    assert grown([(0, 10), (10, 0), (5, 5)], "abc", 1, [True, True, False]) == 0.0
    assert grown([(0, 10), (10, 0)], "ab", 1, [False, False]) is None
    assert grown([(0, 10), (10, 0)], "ab", 1, [False, True]) == math.inf


def test_the_line_says_by_how_much_it_has_grown():
    line = str(Stalled(trainings=30, growth=0.0043, setting=Stall(trainings=20, gain=0.01)))
    assert line.startswith(
        "the front has stalled: over the last 20 of 30 trainings its hypervolume has grown by 0.43 %, less than 1 %"
    )


def test_a_stall_is_remembered_until_the_study_goes_on():
    study = optuna.create_study()
    note_stall(study, Stalled(trainings=30, growth=0.0, setting=Stall()), 40)
    assert stall_of(study, 40).startswith("the front has stalled: over the last 20 of 30")
    assert stall_of(study, 41) == ""
    note_stall(study, None, 40)
    assert stall_of(study, 40) == ""


@pytest.mark.parametrize(
    ("word", "made"),
    [("off", None), (None, None), ("40:0.002", Stall(trainings=40, gain=0.002)), ("5", Stall(trainings=5))],
)
def test_a_stall_is_read(word, made):
    assert parse_stall(word) == made


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("0:0.1", "trainings 0 must be at least 1"),
        ("5:0", "gain 0 must be a number above 0"),
        ("soon", "not understood"),
    ],
)
def test_a_wrong_stall_is_refused(word, why):
    with pytest.raises(UsageError, match=why):
        parse_stall(word)
