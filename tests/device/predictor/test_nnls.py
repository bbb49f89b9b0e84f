from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from mqn.device.predictor.nnls import solve_nonnegative


def test_what_would_be_negative_is_nothing():
    # The plain answer is (2, -1); without the second unknown the first is 1.5.
    a = np.array([[1.0, 1.0], [1.0, 0.0]])
    assert solve_nonnegative(a, np.array([1.0, 2.0])) == pytest.approx([1.5, 0.0])
    assert solve_nonnegative(np.array([[1.0]]), np.array([-3.0])) == pytest.approx([0.0])


@pytest.mark.parametrize("seed", range(30))
def test_it_is_as_near_as_scipy_s(seed):
    generator = np.random.default_rng(seed)
    rows, columns = int(generator.integers(3, 20)), int(generator.integers(1, 12))
    a, b = generator.normal(0, 1, (rows, columns)), generator.normal(0.5, 1, rows)
    if seed % 3 == 0:
        a[:, -1] = a[:, 0]  # Two unknowns that nothing tells apart.
    found = solve_nonnegative(a, b)
    assert (found >= 0).all()
    assert np.linalg.norm(a @ found - b) == pytest.approx(nnls(a, b)[1], rel=1e-6, abs=1e-9)


def test_without_unknowns_there_is_nothing():
    assert solve_nonnegative(np.zeros((3, 0)), np.ones(3)).shape == (0,)
