from __future__ import annotations

import numpy as np
import pytest

from mqn.metrics.intervals import mean_interval


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
