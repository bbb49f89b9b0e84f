"""The virtual camera, and the curves that it develops with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.data.pairs.response import curves_of, parametric, read_curves
from mqn.data.pairs.virtual_camera import OPERATOR, photograph
from mqn.errors import DataError
from mqn.hdr.scenes import scene
from mqn.hdr.transfer import srgb_decode

STRAIGHT = "straight\ngraph\nI =\n0 0.5 1\nB =\n0 0.5 1\n"
BRIGHT = "bright\ngraph\nI =\n0 0.25 1\nB =\n0 0.75 1\n"


def _shots(count: int, **options) -> list[np.ndarray]:
    return [photograph(scene(64, seed % 8), np.random.default_rng(seed), **options)[0] for seed in range(count)]


def test_a_photograph_is_an_8_bit_picture() -> None:
    ldr, name = photograph(scene(32, 0), np.random.default_rng(0))
    assert name == OPERATOR
    assert (ldr.dtype, ldr.shape) == (np.float32, (32, 32, 3))
    np.testing.assert_array_equal(np.rint(ldr * 255) / np.float32(255), ldr)


def test_the_same_generator_makes_the_same_photograph() -> None:
    first, second, other = (photograph(scene(32, 0), np.random.default_rng(seed))[0] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_scale_of_the_scene_does_not_matter(scale: float) -> None:
    plain, scaled = (photograph(scene(32, 1) * np.float32(s), np.random.default_rng(2))[0] for s in (1.0, scale))
    assert np.abs(plain - scaled).max() <= 2 / 255  # float32 rounds before the noise is added


@pytest.mark.slow
def test_exposures_reach_from_dark_to_burnt_out() -> None:
    medians = [float(np.median(shot)) for shot in _shots(40)]
    clipped = [float((shot.max(axis=2) >= 250 / 255).mean()) for shot in _shots(40)]
    assert min(medians) < 0.25 < 0.65 < max(medians)
    assert min(clipped) < 0.02
    assert max(clipped) > 0.2


@pytest.mark.slow
def test_midtones_have_more_contrast_than_the_scene_as_in_real_cameras() -> None:
    slopes = []
    for seed in range(24):
        hdr = scene(64, seed % 8)
        ldr, _ = photograph(hdr, np.random.default_rng(seed))
        grey = ldr.mean(axis=2)
        middle = (grey > 0.15) & (grey < 0.85) & (ldr.max(axis=2) < 250 / 255)
        if middle.sum() > 500:
            log_truth, log_input = np.log(hdr.mean(axis=2)[middle]), np.log(srgb_decode(grey[middle]))
            slopes.append(np.polyfit(log_input, log_truth, 1)[0])
    assert 0.6 < np.mean(slopes) < 0.95


def test_a_black_median_does_not_burn_the_picture() -> None:
    hdr = np.zeros((16, 16, 3), np.float32)
    hdr[:4] = 1.0
    ldr, _ = photograph(hdr, np.random.default_rng(0))
    assert np.isfinite(ldr).all()
    assert ldr[8:].mean() < 0.1 < ldr[:4].mean()


def test_the_family_reaches_from_black_to_white() -> None:
    curve = parametric(1.0, 1.0)  # 2 x / (x + 1)
    light = np.array([0.0, 1 / 3, 1.0], np.float32)
    np.testing.assert_allclose(curve(light), [0, 0.5, 1], atol=1e-4)


def test_measured_curves_are_read_and_used(tmp_path: Path) -> None:
    path = tmp_path / "dorfCurves.txt"
    path.write_text(STRAIGHT + BRIGHT)
    straight, bright = read_curves(path)
    light = np.array([0.25, 0.5], np.float32)
    np.testing.assert_allclose(straight(light), [0.25, 0.5], atol=1e-4)
    np.testing.assert_allclose(bright(light), [0.75, 0.75 + 0.25 / 3], atol=1e-4)
    dark, light_picture = (_shots(4, curves=(curve,)) for curve in (straight, bright))
    assert np.mean(light_picture) > np.mean(dark) + 0.1


def test_no_file_is_needed_for_the_family() -> None:
    assert curves_of("parametric") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (STRAIGHT + "one more\n", "7 lines"),
        ("", "0 lines"),
        (STRAIGHT.replace("0.5 1\nB", "0 1\nB"), "must rise"),
        (STRAIGHT.replace("0.5 1\nB", "x 1\nB"), "could not convert"),
        (STRAIGHT.replace("0.5 1\nB", "1\nB"), "must rise"),
    ],
)
def test_a_file_that_holds_no_curves_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "curves.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=said) as error:
        read_curves(path)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.txt: No such file"):
        curves_of(str(tmp_path / "none.txt"))
