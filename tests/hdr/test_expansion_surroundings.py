"""Operators that look around a pixel, and what they look with."""

from __future__ import annotations

import numpy as np
import pytest

from mqn.hdr.expansion import huo, rempel
from mqn.hdr.expansion.banterle import expand_map
from mqn.hdr.expansion.medians import median_cut
from mqn.hdr.expansion.rempel import brightness
from mqn.hdr.expansion.smoothing import bilateral, smooth
from mqn.hdr.transfer import srgb_encode


def test_median_cut_gives_a_grid_where_light_is_even() -> None:
    places, light = median_cut(np.ones((4, 4)), 4)
    assert sorted(map(tuple, places.tolist())) == [(0.5, 0.5), (0.5, 2.5), (2.5, 0.5), (2.5, 2.5)]
    assert light.tolist() == [4.0] * 4


def test_median_cut_goes_where_the_light_is() -> None:
    luminance = np.full((16, 16), 0.01)
    luminance[:, 12:] = 1.0
    places, light = median_cut(luminance, 32)
    assert len(places) == 32
    # 64 of 65.92 are on the right.
    assert (places[:, 1] >= 11.5).mean() > 0.85
    assert light.sum() == pytest.approx(65.92)


def test_median_cut_ends_at_single_pixels_and_skips_black() -> None:
    assert median_cut(np.ones((1, 1)), 16)[0].tolist() == [[0.0, 0.0]]
    assert median_cut(np.zeros((5, 5)), 16)[0].shape == (0, 2)
    assert median_cut(np.diag([3.0, 0, 0]), 64)[1].tolist() == [3.0]


def test_expand_map_is_even_where_light_is_even() -> None:
    assert expand_map(np.full((64, 64), 0.3, np.float32)).min() > 0.99
    assert expand_map(np.zeros((64, 64), np.float32)).max() == 0


def test_expand_map_is_high_on_lights_and_low_away_from_them() -> None:
    light = np.full((64, 64), 0.02, np.float32)
    light[4:20, 4:20] = 1.0
    expand = expand_map(light)
    assert expand[12, 12] > 0.9
    assert expand[50, 50] < 0.1


def test_smooth_keeps_a_constant_and_the_mean() -> None:
    np.testing.assert_allclose(smooth(np.full((30, 41), 0.7, np.float32), 9.0), 0.7, rtol=1e-5)
    dot = np.zeros((64, 64), np.float32)
    dot[32, 32] = 1
    assert smooth(dot, 10.0).sum() == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("sigma", [3.0, 8.0, 21.0])
def test_smooth_is_as_wide_as_asked(sigma: float) -> None:
    edge = np.zeros((255, 255), np.float32)
    edge[:, 128:] = 1
    rise = np.diff(smooth(edge, sigma)[128])
    place = np.arange(rise.size)
    mean = (rise * place).sum()
    assert np.sqrt((rise * (place - mean) ** 2).sum()) == pytest.approx(sigma, rel=0.04)


def test_bilateral_evens_out_noise_and_keeps_an_edge() -> None:
    clean = np.full((64, 64), 0.2, np.float32)
    clean[:, 32:] = 0.9
    noisy = clean + np.random.default_rng(0).normal(0, 0.02, clean.shape).astype(np.float32)
    filtered = bilateral(noisy, 8.0, 0.1)
    assert np.abs(filtered - clean).max() < 0.02
    assert np.abs(smooth(noisy, 8.0) - clean).max() > 0.3


def test_bilateral_agrees_with_the_definition() -> None:
    image = np.random.default_rng(1).random((12, 12), np.float32)
    rows, columns = np.mgrid[0:12, 0:12]
    inner = (6, 5)
    weights = np.exp(
        -((rows - 6) ** 2 + (columns - 5) ** 2) / (2 * 1.2**2) - (image - image[inner]) ** 2 / (2 * 0.3**2)
    )
    expected = (weights * image).sum() / weights.sum()
    assert bilateral(image, 1.2, 0.3)[inner] == pytest.approx(expected, abs=5e-3)


def test_bilateral_of_one_value_is_that_value() -> None:
    np.testing.assert_array_equal(bilateral(np.full((3, 4), 0.5, np.float32), 16, 0.3), np.full((3, 4), 0.5))


def test_huo_of_a_single_grey() -> None:
    # L = L_max = L_H: L / L_max = 1 and (2 L^n)^(1/n) = 2^(1/n) L.
    grey = np.full((8, 8, 3), srgb_encode(np.float64(0.3)))
    np.testing.assert_allclose(huo.expand(grey), 0.3 * 2 ** (1 / 0.86), rtol=1e-4)


def test_rempel_without_clipping_is_a_straight_line() -> None:
    grey = np.full((8, 8, 3), srgb_encode(np.float64(0.5)))
    np.testing.assert_allclose(rempel.expand(grey), (0.3 + 1199.7 * 0.5) / 4800, rtol=1e-5)


def test_rempel_counts_a_single_clipped_channel() -> None:
    red = np.tile([1.0, 0.0, 0.0], (8, 8, 1))
    assert rempel.expand(red)[4, 4, 0] == pytest.approx(1.0, rel=1e-5)


def test_rempels_glow_stops_at_edges() -> None:
    luminance = np.full((96, 96), 0.3, np.float32)
    luminance[:, :40] = 0.98
    clipped = np.zeros((96, 96), bool)
    clipped[40:56, 10:26] = True
    glow = brightness(clipped, luminance)
    # On the bright side the glow reaches beyond what is clipped; across the edge there is none.
    assert glow[48, 32] > 0.1
    assert glow[48, 50:].max() == pytest.approx(0, abs=1e-6)


def test_rempels_glow_needs_clipped_pixels() -> None:
    assert brightness(np.zeros((16, 16), bool), np.full((16, 16), 0.5, np.float32)).max() == 0
