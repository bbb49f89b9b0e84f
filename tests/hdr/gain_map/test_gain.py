"""The arithmetic, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mqn.hdr.gain_map import gain
from mqn.hdr.gain_map.metadata import GainMapMetadata


def test_the_level_is_that_of_what_the_base_shows_well() -> None:
    base = np.array([[0.001, 0.1, 0.2, 0.3, 1.0]], np.float32)
    light = np.array([[9.0, 0.05, 0.1, 0.15, 7.0]], np.float32)
    assert gain.level(base, light) == pytest.approx(2)
    assert gain.level(np.ones((2, 2)), np.full((2, 2), 4.0)) == pytest.approx(0.25)
    assert gain.level(np.zeros((2, 2)), np.ones((2, 2))) == 1


def test_a_gain_is_in_stops_and_black_has_one() -> None:
    base = np.array([0.5, 1.0, 0.0, 1.0], np.float32)
    light = np.array([0.5, 4.0 + 3 * gain.OFFSET, gain.OFFSET, -1.0], np.float32)
    assert gain.stops(base, light) == pytest.approx([0, 2, 1, np.log2(gain.OFFSET / (1 + gain.OFFSET))])


def test_codes_reach_from_the_least_to_the_largest_gain() -> None:
    codes, metadata = gain.quantize(np.array([[-1.0, -1.0, 0.0, 1.5]], np.float32), 1.5)
    assert codes.tolist() == [[0, 0, 102, 255]]
    assert (metadata.minimum[0], metadata.maximum[0], metadata.alternate_headroom) == (-1, 1.5, 1.5)
    assert metadata.is_grey


def test_a_few_black_pixels_take_no_codes_from_the_others() -> None:
    stops = np.repeat(np.array([-20.0, -1.0, 1.0, 5.0], np.float32), (1, 1000, 1000, 1))
    codes, metadata = gain.quantize(stops[None], 5)
    assert (metadata.minimum[0], metadata.maximum[0]) == (-1, 5)
    assert codes[0, [0, 1, 1001, 2001]].tolist() == [0, 0, 85, 255]


def test_a_picture_without_any_gain_has_a_map_of_zeros() -> None:
    codes, metadata = gain.quantize(np.zeros((2, 2, 3), np.float32), gain.headroom(np.ones((2, 2))))
    assert not codes.any()
    assert metadata.maximum[0] == metadata.alternate_headroom == 2**-6
    base = np.full((2, 2, 3), 0.25, np.float32)
    assert gain.apply(base, codes, metadata) == pytest.approx(base)


def test_the_headroom_is_that_of_the_brightest() -> None:
    assert gain.headroom(np.full((4, 4), 8.0)) == 3


def test_a_map_gives_back_what_it_was_made_of() -> None:
    base = np.array([[[0.1, 0.2, 0.3], [1.0, 1.0, 0.5]]], np.float32)
    light = np.array([[[0.1, 0.3, 0.2], [4.0, 3.0, 2.0]]], np.float32)
    codes, metadata = gain.quantize(gain.stops(base, light), 2.0)
    steps = np.subtract(metadata.maximum, metadata.minimum) / 255
    # Half a step of each channel.
    assert gain.apply(base, codes, metadata) == pytest.approx(light, rel=float(2 ** (steps.max() / 2) - 1) * 1.02)


def test_gamma_and_offsets_are_applied(coloured: GainMapMetadata) -> None:
    codes = np.full((1, 1, 3), 64, np.uint8)
    light = gain.apply(np.full((1, 1, 3), 0.5, np.float32), codes, coloured)[0, 0]
    share = 64 / 255
    assert light[0] == pytest.approx(0.5 * 2 ** (-0.5 + 1.5 * share) - 0.25, abs=1e-5)
    assert light[2] == pytest.approx(0.75 * 2 ** (0.25 + 2.75 * share**0.5) - 0.5, abs=1e-5)


def test_a_map_of_half_the_size_is_a_mean_of_stops() -> None:
    assert gain.reduced(np.array([[0.0, 2.0, 5.0]], np.float32), 2).shape == (1, 2)
    assert gain.reduced(np.array([[0.0, 2.0], [0.0, 2.0]], np.float32), 2).tolist() == [[1.0]]
