from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from mqn.search.samplers.frontier.encoding import Encoding, mutations, point_at, value_at
from mqn.search.space.dimensions import Dimension

WORD = Dimension(key="arch.attention", choices=("none", "sa"))
WIDTH = Dimension(key="arch.width", choices=(0.5, 1.0, 1.5))
RATE = Dimension(key="training.learning_rate", low=1e-4, high=1e-2, log=True)
EPOCHS = Dimension(key="training.epochs", low=1, high=5, step=2)
PATCH = Dimension(key="arch.patch", low=1.0, high=3.0, when={"arch.attention": ("sa",)})
ONE = Dimension(key="arch.depth", choices=(7,))
EVERY = (WORD, WIDTH, RATE, EPOCHS, PATCH, ONE)


def test_numbers_lie_on_their_scale_and_words_lie_one_apart():
    encoding = Encoding.of((WORD, WIDTH, RATE, EPOCHS))
    points = [
        {"arch.attention": "none", "arch.width": 0.5, "training.learning_rate": 1e-4, "training.epochs": 1},
        {"arch.attention": "sa", "arch.width": 1.0, "training.learning_rate": 1e-3, "training.epochs": 5},
    ]
    rows = encoding.encode(points)
    assert encoding.groups.tolist() == [0, 0, 1, 2, 3]
    assert np.linalg.norm(rows[0, :2] - rows[1, :2]) == pytest.approx(1.0)
    assert rows[0, 2:] == pytest.approx([0.0, 0.0, 0.0])
    assert rows[1, 2:] == pytest.approx([0.5, 0.5, 1.0])


def test_a_dimension_that_does_not_count_lies_in_the_middle_and_says_so():
    encoding = Encoding.of((PATCH,))
    assert encoding.encode([{}, {"arch.patch": 3.0}]).tolist() == [[0.5, 0.0], [1.0, 1.0]]
    assert encoding.groups.tolist() == [0, 0]


def test_a_dimension_with_one_value_is_left_out():
    assert Encoding.of((ONE,)).encode([{"arch.depth": 7}]).shape == (1, 0)


def test_places_of_the_unit_cube_are_points_with_their_conditions():
    assert point_at(EVERY, [0.0, 0.4, 0.5, 0.999, 0.5, 0.5]) == {
        "arch.attention": "none",
        "arch.width": 1.0,
        "training.learning_rate": pytest.approx(1e-3),
        "training.epochs": 5,
        "arch.depth": 7,
    }
    assert point_at(EVERY, [1.0, 0.0, 0.0, 0.0, 0.25, 0.5])["arch.patch"] == 1.5


def test_whole_numbers_over_a_logarithm_are_all_reached():
    dimension = Dimension(key="training.epochs", low=1, high=8, log=True, step=1)
    found = [value_at(dimension, share) for share in np.linspace(0, 1, 200)]
    assert sorted(set(found)) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert all(isinstance(value, int) for value in found)


def test_neighbours_are_points_of_the_space_and_near():
    point = {"arch.attention": "none", "arch.width": 1.0, "training.learning_rate": 1e-3, "training.epochs": 3}
    point["arch.depth"] = 7
    source = np.random.default_rng(0)
    near = list(itertools.islice(mutations(EVERY, point, source), 200))
    for one in near:
        assert all(dimension.active(one) == (dimension.key in one) for dimension in EVERY)
        assert all(dimension.allows(one[dimension.key]) for dimension in EVERY if dimension.key in one)
    moved = [sum(one.get(key) != value for key, value in point.items()) for one in near]
    assert np.mean(moved) < 3
    strides = [abs(math.log10(one["training.learning_rate"]) + 3) for one in near]
    assert 0 < np.median([stride for stride in strides if stride > 0]) < 0.6
