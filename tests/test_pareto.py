from __future__ import annotations

import numpy as np
import pytest

from mqn.pareto import front_mask, front_ranks, hypervolume, settled_mask


def test_front_keeps_what_nothing_beats():
    values = [[1, 4], [2, 2], [4, 1], [3, 3], [2, 3]]
    assert front_mask(values).tolist() == [True, True, True, False, False]


def test_front_keeps_equal_points():
    assert front_mask([[1, 1], [1, 1], [1, 2]]).tolist() == [True, True, False]


def test_front_of_nothing_is_empty():
    assert front_mask([]).tolist() == []


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_front_agrees_with_the_definition(objectives):
    values = np.random.default_rng(0).integers(0, 6, (60, objectives)).astype(float)
    values[values == 5] = np.inf
    expected = [not any((other <= point).all() and (other < point).any() for other in values) for point in values]
    assert front_mask(values).tolist() == expected


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize("points", [0, 1, 80])
def test_ranks_are_those_of_one_front_after_the_other(objectives, points):
    values = np.random.default_rng(points).integers(0, 9, (points, objectives))
    ranks, left, rank = front_ranks(values), np.arange(points), 0
    while len(left):
        front = front_mask(values[left])
        assert (ranks[left[front]] == rank).all()
        left, rank = left[~front], rank + 1


def test_front_refuses_nan():
    with pytest.raises(ValueError, match="NaN"):
        front_mask([[1.0, float("nan")]])


def test_area_of_three_steps():
    # Rectangles up to (5, 5): 4 x 1 of the first, 3 x 2 more of the second, 1 x 1 more of the third.
    assert hypervolume([[1, 4], [2, 2], [4, 1]], [5, 5]) == pytest.approx(4 * 1 + 3 * 2 + 1 * 1)


def test_points_beyond_the_reference_add_nothing():
    assert hypervolume([[1, 1], [0, 9]], [3, 3]) == pytest.approx(4)
    assert hypervolume([[3, 0]], [3, 3]) == 0
    assert hypervolume(np.empty((0, 2)), [3, 3]) == 0


def test_volume_of_two_boxes():
    # Boxes of 1 x 2 x 3 and 2 x 1 x 1 in the same corner; they share 1 x 1 x 1.
    assert hypervolume([[2, 1, 0], [1, 2, 2]], [3, 3, 3]) == pytest.approx(6 + 2 - 1)


@pytest.mark.parametrize("objectives", [3, 4, 5])
def test_volume_agrees_with_counting_cells(objectives):
    points = np.random.default_rng(1).integers(0, 5, (12, objectives))
    cells = np.stack(np.meshgrid(*[np.arange(5)] * objectives, indexing="ij"), -1).reshape(-1, objectives)
    counted = sum(bool((points <= cell).all(axis=1).any()) for cell in cells)
    assert hypervolume(points, [5] * objectives) == pytest.approx(counted)


def test_one_objective_is_a_length():
    assert hypervolume([[2.0], [1.5]], [4.0]) == pytest.approx(2.5)


def test_a_reference_of_another_number_of_objectives_is_refused():
    with pytest.raises(ValueError, match=r"\(3,\) does not fit"):
        hypervolume([[1, 1, 1, 1]], [2, 2, 2])


def test_a_single_try_drives_no_mean_off_the_front_but_joins_it():
    points = [(1, 5), (3, 3), (2, 4), (3, 2), (4, 4), (2.5, 2.5)]
    sure = [True, True, False, False, False, False]
    # The single try (2.5, 2.5) would beat the mean (3, 3); (4, 4) is beaten by a mean, and (2, 4) by nobody.
    assert settled_mask(points, sure).tolist() == [True, True, True, True, False, True]
    assert settled_mask(points, [False] * 6).tolist() == front_mask(points).tolist()
    assert settled_mask([(1, 2), (2, 3)], [True, True]).tolist() == [True, False]
