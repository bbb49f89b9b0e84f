"""Keys, cuts and damping on numbers that one can work out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mqn.media.flicker import FLOOR, Level, damp, is_cut, key, measure, thumbnail


def level(gain: float, seconds: float = 0.0, *, smoothed: float | None = None, cut: bool = False) -> Level:
    shown = gain if smoothed is None else smoothed
    return Level(seconds=seconds, gain=gain, smoothed=shown, written=shown, cut=cut)


def test_key_is_the_mean_decade() -> None:
    light = np.ones((2, 2, 3), np.float32)
    light[0] = 0.01
    assert key(light) == pytest.approx(-1, abs=1e-6)
    assert key(np.zeros((2, 2, 3), np.float32)) == pytest.approx(math.log10(FLOOR))


def test_thumbnails_are_means_of_blocks() -> None:
    picture = np.repeat(np.repeat(np.arange(256.0).reshape(16, 16), 3, 0), 2, 1)[..., None] * np.ones(3)
    np.testing.assert_allclose(thumbnail(picture), np.arange(256.0).reshape(16, 16))
    assert thumbnail(np.ones((5, 40, 3))).shape == (5, 16)


def test_a_cut_is_other_content_and_not_other_light() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.random((2, 16, 16))
    assert is_cut(first, second)
    assert not is_cut(first, first * 0.3 + 0.1)
    assert is_cut(np.zeros((16, 16)), first)
    assert not is_cut(np.zeros((16, 16)), np.ones((16, 16)))


def test_damping_lets_a_step_through_by_its_time_constant() -> None:
    before = level(0.0)
    assert damp(1.0, 0.5, before, 0.5, cut=False) == pytest.approx(1 - math.exp(-1))
    assert damp(1.0, 0.5, before, 0.0, cut=False) == 1.0
    assert damp(1.0, 0.5, before, 0.5, cut=True) == 1.0
    assert damp(1.0, 0.0, None, 0.5, cut=False) == 1.0


def test_flicker_is_the_mean_change_within_shots() -> None:
    levels = [level(0.0), level(0.2, smoothed=0.1), level(0.1, smoothed=0.1), level(5.0, cut=True), level(5.0)]
    found = measure(levels, 0.5)
    assert found.before == pytest.approx((0.2 + 0.1 + 0.0) / 3)
    assert found.after == pytest.approx(0.1 / 3)
    assert (found.cuts, found.damping_seconds) == (1, 0.5)
    assert measure([], 0.0).before == 0
