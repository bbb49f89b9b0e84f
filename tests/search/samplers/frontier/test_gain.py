from __future__ import annotations

import numpy as np
import pytest

from mqn.pareto import hypervolume
from mqn.search.samplers.frontier.gain import gains

SOURCE = np.random.default_rng(0)


def test_a_set_gains_the_area_that_it_adds_to_the_front():
    front, reference = np.array([[1.0, 3.0], [3.0, 1.0]]), np.array([4.0, 4.0])
    sets = np.array(
        [
            [[2.0, 2.0], [2.0, 2.0]],  # between the two: one square
            [[0.0, 3.5], [3.5, 0.0]],  # at both ends: 1 x 1/2 each, and 1/2 x 1
            [[3.0, 3.0], [np.inf, np.inf]],  # beaten, and none
        ]
    )
    assert gains(sets, front, reference, SOURCE) == pytest.approx([1.0, 1.0, 0.0])


def test_areas_are_the_differences_of_exact_hypervolumes():
    source = np.random.default_rng(1)
    front, reference = source.random((7, 2)), np.array([0.9, 0.8])
    sets = source.random((20, 5, 2))
    exact = [hypervolume(np.concatenate([front, one]), reference) - hypervolume(front, reference) for one in sets]
    assert gains(sets, front, reference, SOURCE) == pytest.approx(exact, abs=1e-12)
    whole = [hypervolume(one, reference) for one in sets]
    assert gains(sets, np.empty((0, 2)), reference, SOURCE) == pytest.approx(whole)


def test_one_objective_gains_what_it_is_better():
    assert gains(np.array([[[3.0], [1.0]], [[5.0], [4.0]]]), np.array([[2.0]]), np.array([9.0]), SOURCE).tolist() == [
        1.0,
        0.0,
    ]


def test_three_objectives_are_ranked_as_by_exact_volumes():
    source = np.random.default_rng(2)
    front, reference = source.random((6, 3)), np.ones(3)
    sets = source.random((40, 2, 3))
    exact = [hypervolume(np.concatenate([front, one]), reference) - hypervolume(front, reference) for one in sets]
    found = gains(sets, front, reference, np.random.default_rng(0))
    assert np.corrcoef(exact, found)[0, 1] > 0.97
    assert found[np.array(exact) == 0.0].max(initial=0.0) < 0.02
