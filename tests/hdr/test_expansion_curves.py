"""Operators without surroundings, against figures worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mqn.hdr.expansion.banterle import invert
from mqn.hdr.expansion.curves import akyuz, gamma2009, gamma2017, landis, masia2009, masia2017
from mqn.hdr.expansion.statistics import key, log_average
from mqn.hdr.transfer import srgb_encode


def greys(*light: float) -> np.ndarray:
    """A picture of one row whose pixels have this linear light."""
    return np.tile(srgb_encode(np.array(light))[None, :, None], (1, 1, 3))


def test_akyuz_stretches_to_both_ends() -> None:
    np.testing.assert_allclose(akyuz(greys(0.2, 0.3, 0.6))[0, :, 0], [0, 0.25, 1], atol=1e-5)


def test_akyuz_leaves_a_single_luminance() -> None:
    np.testing.assert_allclose(akyuz(greys(0.3, 0.3))[0, :, 0], [0.3, 0.3], rtol=1e-5)


def test_landis_by_hand() -> None:
    # 0.4 is below the threshold: 0.4 of LDR white, a tenth of it in units of the maximum. At 0.75 the weight is 1/4:
    # 0.75 * 0.75 + 10 * 0.25 = 3.0625.
    np.testing.assert_allclose(landis(greys(0.4, 0.75, 1.0))[0, :, 0], [0.04, 0.30625, 1.0], rtol=1e-4)


def test_log_average_is_the_geometric_mean() -> None:
    assert log_average(np.array([[0.01, 1.0]])) == pytest.approx(0.1)
    assert log_average(np.zeros((2, 2))) == pytest.approx(1e-6)


def test_key_by_hand() -> None:
    # Two decades; the mean of the logs is 3/4 of the way.
    assert key(np.array([[0.01] * 25 + [1.0] * 75])) == pytest.approx(0.75)


def test_key_leaves_a_percent_at_each_end_out() -> None:
    luminance = np.array([[1e-4] + [0.01] * 500 + [0.1] * 500 + [1.0]])
    # The log-average is that of all pixels: (-4 - 1000 - 500 + 0) / 1002 = -1.501 in decades, between -2 and -1.
    assert key(luminance) == pytest.approx(2 - 1504 / 1002, abs=1e-6)


@pytest.mark.parametrize("luminance", [np.zeros((3, 3)), np.full((3, 3), 0.4), np.ones((1, 1))])
def test_key_of_one_luminance_is_the_middle(luminance: np.ndarray) -> None:
    assert key(luminance) == 0.5


def test_masia2009_gamma_by_hand() -> None:
    # k = 0.75: 10.44 * 0.75 - 6.282 = 1.548.
    assert gamma2009(np.array([[0.01] * 25 + [1.0] * 75])) == pytest.approx(1.548)
    # k = 0.25: -3.672, held at 1.
    assert gamma2009(np.array([[0.01] * 75 + [1.0] * 25])) == 1.0


def test_masia2017_gamma_by_hand() -> None:
    # k = 0.75, L_H = 10^-0.5, 75 % over-exposed: 2.4379 + 0.2319 * -1.15129 - 1.1228 * 0.75 + 0.0085 * 75 = 1.96632.
    assert gamma2017(np.array([[0.01] * 25 + [1.0] * 75])) == pytest.approx(1.96632, abs=1e-5)
    # A dark picture: L_H = 1e-3, k = 0.5: 2.4379 - 1.60191 - 0.5614 = 0.27459, held at 1.
    assert gamma2017(np.array([[1e-4] * 50 + [1e-2] * 50])) == 1.0


@pytest.mark.parametrize(("expand", "gamma_of"), [(masia2009, gamma2009), (masia2017, gamma2017)])
def test_masia_is_a_power_of_the_light(
    expand: Callable[[np.ndarray], np.ndarray], gamma_of: Callable[[np.ndarray], float]
) -> None:
    light = [0.01] * 25 + [1.0] * 74 + [0.5]
    gamma = gamma_of(np.array([light]))
    assert gamma > 1.2
    assert expand(greys(*light))[0, -1, 0] == pytest.approx(0.5**gamma, rel=1e-4)


def test_banterles_curve_undoes_reinhards() -> None:
    world = np.linspace(0, 10, 50)
    display = world * (1 + world / 100) / (1 + world)
    np.testing.assert_allclose(invert(display, 10.0), world, rtol=1e-4, atol=1e-6)


def test_banterles_curve_leaves_shadows_and_lifts_white() -> None:
    np.testing.assert_allclose(invert(np.array([1e-4, 1.0]), 10.0), [1e-4, 10.0], rtol=1e-3)
