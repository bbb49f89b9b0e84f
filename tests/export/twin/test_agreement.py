from __future__ import annotations

import numpy as np
import pytest

from mqn.export.twin.agreement import TOLERANCE, distance

SHAPE = (1, 64, 64, 3)


def _noise(scale: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, scale, SHAPE)


def test_rounding_that_single_pixels_blow_up_is_no_distance() -> None:
    expected = np.full(SHAPE, 0.5)
    found = expected + _noise(4e-6)
    found[0, 3, 5] += 2e-4
    assert distance(expected, found) < TOLERANCE


@pytest.mark.parametrize("wrong", [(0, slice(0, 1)), (0, slice(None), slice(-1, None)), (0, 63, 63)])
def test_a_wrong_border_or_corner_is_one(wrong: tuple[int | slice, ...]) -> None:
    found = np.full(SHAPE, 0.5)
    found[wrong] += 3e-3
    assert distance(np.full(SHAPE, 0.5), found) > TOLERANCE


def test_something_slightly_wrong_everywhere_is_one() -> None:
    expected = np.full(SHAPE, 0.5)
    assert distance(expected, expected + _noise(3e-5)) > TOLERANCE


def test_what_is_no_number_is_no_agreement() -> None:
    assert not distance(np.zeros(SHAPE), np.full(SHAPE, np.nan)) <= TOLERANCE
