from __future__ import annotations

import math

import numpy as np
import pytest

from mqn.metrics.clipped import clipped_region, error


@pytest.fixture
def ldr() -> np.ndarray:
    """2 x 2: white, dark, one channel at 250, one at 249."""
    codes = [[[255, 255, 255], [10, 10, 10]], [[0, 250, 0], [249, 249, 249]]]
    return np.array(codes, np.float32) / np.float32(255)


def test_one_channel_at_250_clips_a_pixel(ldr: np.ndarray) -> None:
    assert clipped_region(ldr).tolist() == [[True, False], [True, False]]


def test_the_error_is_in_decades_and_of_clipped_pixels_alone(ldr: np.ndarray) -> None:
    # Too dark by 10 and too bright by 100 where clipped: the mean of 1 and 2. Elsewhere anything.
    truth = np.full((2, 2, 3), 0.01)
    test = truth * np.array([[0.1, 1000], [100, 0]])[..., None]
    assert error(test, truth, ldr) == pytest.approx(1.5)


def test_colour_does_not_matter_where_luminance_is_right(ldr: np.ndarray) -> None:
    truth = np.broadcast_to([0.715158 / 0.212656, 0.0, 0.0], (2, 2, 3))
    assert error(np.broadcast_to([0.0, 1.0, 0.0], (2, 2, 3)), truth, ldr) == pytest.approx(0)


def test_black_counts_as_the_floor(ldr: np.ndarray) -> None:
    assert error(np.zeros((2, 2, 3)), np.full((2, 2, 3), 5e-5), ldr) == pytest.approx(1)
    assert error(np.zeros((2, 2, 3)), np.full((2, 2, 3), 1e-7), ldr) == pytest.approx(0)


def test_no_clipped_pixel_no_figure(ldr: np.ndarray) -> None:
    assert math.isnan(error(np.ones((2, 2, 3)), np.ones((2, 2, 3)), ldr * 0.9))


def test_shapes_that_differ_are_refused(ldr: np.ndarray) -> None:
    with pytest.raises(ValueError, match="one shape"):
        error(np.ones((2, 2, 3)), np.ones((2, 2, 3)), ldr[:1])
