from __future__ import annotations

import numpy as np
import pytest

from mqn.metrics.intervals import EXACT_SOURCES, mean_interval, sign_flip_p


def test_the_mean_is_over_pictures() -> None:
    # Three pictures of one source and one of another: every picture counts once.
    (interval,) = mean_interval(np.array([[1.0], [1.0], [1.0], [5.0]]), ["a", "a", "a", "b"])
    assert interval.mean == 2.0


def test_two_sources_are_redrawn_as_wholes() -> None:
    # Half of the draws hold both sources, a quarter only the one, a quarter only the other.
    (interval,) = mean_interval(np.array([[0.0], [0.0], [0.0], [4.0]]), ["a", "a", "a", "b"])
    assert (interval.low, interval.mean, interval.high) == (0.0, 1.0, 4.0)


def test_a_single_source_has_no_width() -> None:
    (interval,) = mean_interval(np.array([[1.0], [2.0]]), ["a", "a"])
    assert (interval.low, interval.mean, interval.high) == (1.5, 1.5, 1.5)


def test_many_sources_come_near_the_normal_interval() -> None:
    values = np.random.default_rng(0).standard_normal((400, 1))
    (interval,) = mean_interval(values, [str(i) for i in range(400)])
    half_width = 1.96 * values.std() / np.sqrt(400)
    assert interval.high - interval.mean == pytest.approx(half_width, rel=0.1)
    assert interval.mean - interval.low == pytest.approx(half_width, rel=0.1)


def test_repeating_pictures_of_a_source_does_not_narrow_the_interval() -> None:
    values = np.random.default_rng(0).standard_normal((20, 1))
    names = [str(i) for i in range(20)]
    (once,) = mean_interval(values, names)
    (often,) = mean_interval(np.repeat(values, 5, axis=0), [name for name in names for _ in range(5)])
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_columns_share_their_draws_and_the_seed_fixes_them() -> None:
    values = np.random.default_rng(0).random((10, 1))
    names = [str(i) for i in range(10)]
    first, second = mean_interval(np.hstack([values, values + 1]), names, seed=3)
    assert (second.low, second.high) == pytest.approx((first.low + 1, first.high + 1))
    assert mean_interval(values, names, seed=3) == mean_interval(values, names, seed=3)
    assert mean_interval(values, names, seed=3) != mean_interval(values, names, seed=4)


def test_nothing_and_a_wrong_number_of_sources_are_refused() -> None:
    with pytest.raises(ValueError, match="0 pictures"):
        mean_interval(np.zeros((0, 1)), [])
    with pytest.raises(ValueError, match="2 pictures and 1 sources"):
        mean_interval(np.zeros((2, 1)), ["a"])


def test_what_does_not_apply_is_left_out_of_its_own_column_only() -> None:
    nan = np.nan
    values = np.array([[1.0, 1.0, nan], [5.0, nan, nan], [3.0, 3.0, nan]])
    whole, part, nothing = mean_interval(values, ["a", "b", "c"])
    assert (whole.mean, whole.n) == (3.0, 3)
    assert (part.low, part.mean, part.high, part.n) == (1.0, 2.0, 3.0, 2)
    assert nothing.n == 0
    assert np.isnan([nothing.mean, nothing.low, nothing.high]).all()


def test_sign_flips_of_three_sources_are_counted_by_hand() -> None:
    # |+-1 +-2 +-3| reaches 6 in 2 of 8 flips.
    assert sign_flip_p(np.array([1.0, 2.0, 3.0]), ["a", "b", "c"]) == 2 / 8
    # |+-1 +-2 +-3| reaches 4 in 4 of 8 flips.
    assert sign_flip_p(np.array([-1.0, 2.0, 3.0]), ["a", "b", "c"]) == 4 / 8


def test_pictures_of_a_source_flip_together() -> None:
    assert sign_flip_p(np.ones(10), ["a"] * 10) == 1.0
    assert sign_flip_p(np.ones(10), ["a"] * 5 + ["b"] * 5) == 0.5


def test_no_difference_has_no_significance() -> None:
    assert sign_flip_p(np.zeros(5), list("abcde")) == 1.0
    assert np.isnan(sign_flip_p(np.full(2, np.nan), ["a", "b"]))
    assert sign_flip_p(np.array([1.0, np.nan, 2.0]), ["a", "b", "c"]) == 0.5


def test_drawn_flips_agree_with_the_normal_approximation() -> None:
    # The sum of 40 differences of 1, 10 of them negative, is 20: at least 3.16 of its standard deviations, sqrt(40).
    differences = np.where(np.arange(40) < 10, -1.0, 1.0)
    assert len(differences) > EXACT_SOURCES
    # P(|X - 20| >= 10) for X binomial (40, 1/2) is 0.00222.
    names = [str(i) for i in range(40)]
    assert sign_flip_p(differences, names) == pytest.approx(0.00222, abs=0.001)
    assert sign_flip_p(differences, names) == sign_flip_p(differences, names)
    assert sign_flip_p(np.ones(40), names) == 1 / 20_001
