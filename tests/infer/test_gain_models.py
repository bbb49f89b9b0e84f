"""Exported models whose output is a gain on their input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.hdr.codec import decode, picture_scale
from mqn.infer.picture import LEAST_TILE, MAP_PIXELS, Expander
from mqn.infer.runner import Runner


def test_light_is_in_scale_or_in_whites_of_the_input(toy_file: Path, pictures: np.ndarray) -> None:
    light = decode(Runner([toy_file], "gain").infer(pictures[0]), "gain", pictures[0])
    np.testing.assert_allclose(
        Expander([toy_file], "gain").expand(pictures[0]), light / picture_scale(light), rtol=1e-5
    )
    found = Expander([toy_file], "gain", white=0.203).expand(pictures[0])
    np.testing.assert_allclose(found, light * 0.203, rtol=1e-5)


def test_white_says_nothing_to_other_codecs(toy_file: Path, pictures: np.ndarray) -> None:
    found = [Expander([toy_file], "log", white=white).expand(pictures[0]) for white in (None, 0.203)]
    np.testing.assert_array_equal(*found)
    assert not Expander([toy_file], "log").gives_gains


@pytest.mark.slow
def test_a_large_picture_is_about_what_it_is_undivided(toy_file: Path) -> None:
    smooth = np.linspace(0, 1, 900, dtype=np.float32)[:, None] * np.linspace(0.2, 1, 700, dtype=np.float32)
    ldr = np.repeat(smooth[..., None], 3, axis=2)
    whole, reduced = (Expander([toy_file], "gain", tile=tile, white=1.0).expand(ldr) for tile in (1024, LEAST_TILE))
    assert reduced.shape == ldr.shape
    np.testing.assert_allclose(reduced[40:-40, 40:-40], whole[40:-40, 40:-40], rtol=0.03, atol=1e-3)


@pytest.mark.slow
def test_a_gain_map_needs_a_megapixel(toy_file: Path) -> None:
    expander = Expander([toy_file], "gain", white=1.0)
    ldr = np.random.default_rng(0).random((1200, 1800, 3), np.float32)
    small = expander.fitted(ldr)
    assert 0.8 * MAP_PIXELS < small.shape[0] * small.shape[1] <= MAP_PIXELS
    assert small.shape[1] / small.shape[0] == pytest.approx(1.5, rel=0.05)
    cropped = ldr[:64, :96]
    assert expander.fitted(cropped) is cropped
