from __future__ import annotations

import math

import numpy as np
import pytest

from mqn.metrics.certainty import Part, Sample, difference, mean_of, over_seeds, over_sources, t_interval

T1, T2 = 12.7062047, 4.30265273
"""97.5 % points of Student's t with 1 and 2 degrees of freedom, as tables print them."""


def sample(*rows, sources=("a", "b", "c"), trainings=None, pictures="p"):
    keys = tuple(trainings or (f"t{i}" for i in range(len(rows))))
    return Sample(values=np.array(rows, dtype=float), sources=tuple(sources), trainings=keys, pictures=pictures)


def test_over_sources_of_one_picture_each_it_is_the_variance_of_a_mean():
    assert over_sources(np.array([1.0, 2.0, 6.0]), list("abc")) == Part(variance=pytest.approx(7 / 3), freedom=2)


def test_pictures_of_one_source_are_one_witness():
    # Means of the sources are 1 and 3: the variance of two values is 2, that of their mean 1.
    assert over_sources(np.array([1.0, 1.0, 3.0, 3.0]), list("aabb")) == Part(variance=1.0, freedom=1)
    # A source with three pictures of four weighs more: deviations -1, -1, -1 and 3 add up to -3 and 3.
    assert over_sources(np.array([1.0, 1.0, 1.0, 5.0]), list("aaab")) == Part(variance=2 * 18 / 16, freedom=1)
    assert over_sources(np.array([1.0, 2.0]), list("aa")) is None


def test_over_seeds():
    assert over_seeds(np.array([1.0, 3.0])) == Part(variance=1.0, freedom=1)
    assert over_seeds(np.array([1.0])) is None


def test_parts_add_up_with_welchs_degrees_of_freedom():
    alone = t_interval(5.0, [Part(variance=4.0, freedom=2)])
    assert (alone.mean, alone.low, alone.high) == pytest.approx((5.0, 5 - 2 * T2, 5 + 2 * T2))
    # (1 + 1)^2 / (1 / 1 + 1 / 2) lies between those of the parts alone; equal parts of equal freedom have their sum.
    equal = t_interval(0.0, [Part(variance=1.0, freedom=1), Part(variance=1.0, freedom=1)])
    assert equal.high == pytest.approx(math.sqrt(2) * T2)


def test_a_difference_is_far_more_certain_than_either_mean():
    first, second = sample([10.0, 15.0, 20.0]), sample([9.9, 14.8, 19.7])
    told = difference(first, second)
    assert told.mean == pytest.approx(0.2)
    assert (told.low, told.high) == pytest.approx((0.2 - T2 * 0.1 / math.sqrt(3), 0.2 + T2 * 0.1 / math.sqrt(3)))
    assert mean_of(first).high - mean_of(first).low == pytest.approx(2 * T2 * 5 / math.sqrt(3))


def test_several_seeds_widen_a_difference_unless_both_have_the_same_trainings():
    one, other = sample([1.0, 2.0, 3.0], [3.0, 4.0, 5.0]), sample([0.0, 1.0, 2.0], [2.0, 3.0, 4.0])
    paired = difference(one, other)
    assert (paired.mean, paired.low, paired.high) == (1.0, 1.0, 1.0)  # The same in every picture with every seed.
    crossed = sample([2.0, 3.0, 4.0], [0.0, 1.0, 2.0], trainings=("t1", "t0"))
    assert difference(one, crossed) == paired
    # Of other trainings: variances of the means 1 and 1, each of one degree of freedom; nothing over sources.
    apart = difference(one, sample([0.0, 1.0, 2.0], [2.0, 3.0, 4.0], trainings=("u0", "u1")))
    assert apart.high == pytest.approx(1 + math.sqrt(2) * T2)
    single = difference(one, sample([1.0, 2.0, 3.0], trainings=("u0",)))
    assert (single.mean, single.high) == pytest.approx((1.0, 1 + T1))


def test_pictures_to_which_the_measure_does_not_apply_are_left_out_of_both():
    told = difference(sample([1.0, np.nan, 5.0, 6.0], sources="abcd"), sample([0.0, 9.0, 5.0, 4.0], sources="abcd"))
    assert (told.mean, told.n) == (1.0, 3)
    assert told.high == pytest.approx(1 + T2 / math.sqrt(3))
    assert difference(sample([1.0, np.nan, np.nan]), sample([1.0, 2.0, 3.0])) is None


def test_what_was_judged_on_other_pictures_is_not_compared():
    assert difference(sample([1.0, 2.0, 3.0]), sample([1.0, 2.0, 3.0], pictures="q")) is None
    assert mean_of(sample([1.0, 2.0, 3.0], sources="aaa")) is None
