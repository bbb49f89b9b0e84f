from __future__ import annotations

import math

import numpy as np
import pytest

from mqn.metrics.color import angular_error_deg, cosine_similarity

GREY = np.full((2, 2, 3), 0.5)


def pixels(*values: tuple[float, float, float]) -> np.ndarray:
    return np.array([values])


def test_known_angles() -> None:
    # Red against green is a right angle, red against yellow half of one, red against grey arccos(1 / sqrt(3)).
    red = pixels((1, 0, 0))
    assert angular_error_deg(red, pixels((0, 2, 0))) == pytest.approx(90)
    assert angular_error_deg(red, pixels((3, 3, 0))) == pytest.approx(45)
    assert angular_error_deg(red, pixels((1, 1, 1))) == pytest.approx(54.735610317)
    assert cosine_similarity(red, pixels((3, 3, 0))) == pytest.approx(1 / math.sqrt(2))


def test_brightness_does_not_matter() -> None:
    truth = np.random.default_rng(0).random((8, 8, 3)) + 0.1
    brighter = truth * np.random.default_rng(1).uniform(0.01, 100, (8, 8, 1))
    assert angular_error_deg(brighter, truth) == pytest.approx(0, abs=1e-6)
    assert cosine_similarity(brighter, truth) == pytest.approx(1)


def test_small_angles_keep_their_digits() -> None:
    assert angular_error_deg(pixels((1, 1e-9, 0)), pixels((1, 0, 0))) == pytest.approx(math.degrees(1e-9))


def test_the_mean_is_over_pixels_that_have_a_colour_in_both() -> None:
    test = pixels((1, 0, 0), (0, 0, 0), (1, 0, 0), (1, 0, 0))
    truth = pixels((1, 0, 0), (0, 1, 0), (0, 0, 0), (0, 1, 0))
    assert angular_error_deg(test, truth) == pytest.approx(45)
    assert cosine_similarity(test, truth) == pytest.approx(0.5)


def test_black_pictures_have_no_colour() -> None:
    assert math.isnan(angular_error_deg(0 * GREY, GREY))
    assert math.isnan(cosine_similarity(GREY, 0 * GREY))


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        angular_error_deg(GREY[:1], GREY)
