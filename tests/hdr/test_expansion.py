"""What every operator keeps: shape, range, black, hue, and order along a ramp."""

from __future__ import annotations

import numpy as np
import pytest

from mqn.hdr.expansion import EXPANSIONS
from mqn.hdr.expansion.light import linearize, relight
from mqn.hdr.transfer import srgb_decode, srgb_encode

NAMES = list(EXPANSIONS)
# What white becomes where all is white; Rempel's black is the display's, Huo's white adapts to itself.
WHITE = dict.fromkeys(NAMES, 1.0) | {"huo": 2 ** (1 / 0.86)}
BLACK = dict.fromkeys(NAMES, 0.0) | {"rempel": 0.3 / 4800}


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 1000), (1000, 1), (2, 3), (33, 50)])
def test_any_size_comes_out_as_light(name: str, shape: tuple[int, int]) -> None:
    light = EXPANSIONS[name](picture(*shape))
    assert light.shape == (*shape, 3)
    assert light.dtype == np.float32
    assert np.isfinite(light).all()
    assert light.min() >= 0
    assert light.max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_black_stays_black(name: str) -> None:
    np.testing.assert_allclose(EXPANSIONS[name](np.zeros((16, 24, 3))), BLACK[name], rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (40, 60)])
def test_white_becomes_the_maximum(name: str, shape: tuple[int, int]) -> None:
    np.testing.assert_allclose(EXPANSIONS[name](np.ones((*shape, 3))), WHITE[name], rtol=3e-3)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "rempel"])
def test_one_colour_keeps_its_hue(name: str) -> None:
    colour = np.array([0.9, 0.5, 0.2])
    light = EXPANSIONS[name](np.tile(colour, (32, 32, 1)))
    expected = srgb_decode(colour) / srgb_decode(colour).sum()
    np.testing.assert_allclose(light / light.sum(-1, keepdims=True), np.tile(expected, (32, 32, 1)), rtol=5e-3)


@pytest.mark.parametrize("name", NAMES)
def test_saturated_primaries_stay_finite(name: str) -> None:
    for primary in np.eye(3):
        light = EXPANSIONS[name](np.tile(primary, (8, 8, 1)))
        assert np.isfinite(light).all()
        assert light[..., primary == 0].max() <= 0.3 / 1200


@pytest.mark.parametrize("name", NAMES)
def test_brighter_stays_brighter_along_a_ramp(name: str) -> None:
    ramp = np.tile(np.linspace(0.02, 1, 64)[None, :, None], (64, 1, 3))
    light = EXPANSIONS[name](ramp)[32, :, 1]
    assert (np.diff(light) > 0).all()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("akyuz", "rempel")])
def test_highlights_gain_most(name: str) -> None:
    # A white window in a grey wall: seen from the wall, the window is at least as bright as it was.
    ldr = np.full((64, 64, 3), srgb_encode(np.float64(0.2)))
    ldr[20:44, 20:44] = 1.0
    light = EXPANSIONS[name](ldr)
    assert light[32, 32, 0] / light[2, 2, 0] >= 5 * 0.999


@pytest.mark.parametrize("name", NAMES)
def test_values_outside_the_range_count_as_its_ends(name: str) -> None:
    wild = np.array([[[-0.5, 0.5, 1.5], [0.2, 0.2, 0.2]]])
    np.testing.assert_array_equal(EXPANSIONS[name](wild), EXPANSIONS[name](wild.clip(0, 1)))


def test_relight_scales_colour_and_leaves_black() -> None:
    linear = np.array([[[0.2, 0.4, 0.8], [0.0, 0.0, 0.0]]], np.float32)
    lit = relight(linear, np.array([[0.4, 0.0]], np.float32), np.array([[0.8, 1.0]], np.float32))
    np.testing.assert_allclose(lit, [[[0.4, 0.8, 1.6], [0, 0, 0]]])


def test_white_has_luminance_one() -> None:
    linear, luminance = linearize(np.ones((1, 1, 3)))
    assert linear.tolist() == [[[1.0, 1.0, 1.0]]]
    assert luminance.tolist() == [[1.0]]
