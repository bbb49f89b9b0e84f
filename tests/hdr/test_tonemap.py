from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from mqn.hdr.opencv import process
from mqn.hdr.tonemap import drago, log_average, luminance, mantiuk, mulaw, reinhard
from mqn.hdr.transfer import srgb_decode, srgb_encode


def test_mulaw_keeps_both_ends_and_clips_above() -> None:
    assert mulaw(np.array([0.0, 1.0, 7.0])) == pytest.approx([0.0, 1.0, 1.0])


def test_mulaw_by_hand() -> None:
    # mu = 3: log(1 + 3 / 3) / log(4) = 1/2.
    assert mulaw(np.array([1 / 3]), mu=3.0) == pytest.approx([0.5])


def test_luminance_of_grey_is_that_grey() -> None:
    assert luminance(np.full((2, 2, 3), 0.7)) == pytest.approx(np.full((2, 2), 0.7))


def test_log_average_is_the_geometric_mean() -> None:
    image = np.array([[[0.01] * 3, [1.0] * 3]])
    assert log_average(image) == pytest.approx(0.1)


def test_log_average_of_black_is_its_floor() -> None:
    assert log_average(np.zeros((2, 2, 3))) == pytest.approx(1e-6)


def test_reinhard_by_hand() -> None:
    # The log-average is 0.18, so m = x and w = 1: x (1 + x) / (1 + x) = x before the sRGB curve.
    grey = np.full((1, 2, 3), 0.18)
    assert reinhard(np.full((1, 2, 3), 0.5), grey) == pytest.approx(srgb_encode(np.full((1, 2, 3), 0.5)))


def test_reinhard_compresses_light_above_a_dark_average() -> None:
    # log-average 0.018: m = 10 x, w = 10; x = 0.1 gives 1 (1 + 0.01) / 2 = 0.505.
    dark = np.full((1, 1, 3), 0.018)
    assert reinhard(np.full((1, 1, 3), 0.1), dark) == pytest.approx(srgb_encode(np.full((1, 1, 3), 0.505)))


def test_reinhard_maps_the_scale_to_white_whatever_the_exposure() -> None:
    for average in (1e-3, 0.18, 0.9):
        assert reinhard(np.ones((1, 1, 3)), np.full((1, 1, 3), average)) == pytest.approx(np.ones((1, 1, 3)))


def test_reinhard_takes_the_exposure_from_the_reference() -> None:
    truth = np.random.default_rng(0).random((8, 8, 3))
    assert reinhard(truth / 2, truth).mean() < 0.95 * reinhard(truth, truth).mean()
    assert np.array_equal(reinhard(truth), reinhard(truth, truth))


def test_mulaw_works_on_tensors() -> None:
    import torch

    tensor = mulaw(torch.tensor([0.0, 0.5, 2.0]))
    assert isinstance(tensor, torch.Tensor)
    assert tensor.tolist() == pytest.approx([0.0, math.log(2501) / math.log(5001), 1.0])


def test_drago_by_hand() -> None:
    # Grey 0.5 is its own log-average: log(2) / log(3). As 0.5^(log 0.85 / log 0.5) = 0.85, times log(10) / log(8.8).
    expected = math.log(2) / math.log(3) * math.log(10) / math.log(8.8)
    assert srgb_decode(drago(np.full((4, 4, 3), 0.5)))[0, 0, 0] == pytest.approx(expected)


def test_drago_keeps_both_ends_and_clips_above() -> None:
    truth = np.full((4, 4, 3), 0.01)
    ends = np.repeat([[[0.0], [1.0], [7.0]]], 3, axis=2)
    assert drago(ends, truth)[0, :, 0] == pytest.approx([0, 1, 1])


def test_drago_is_opencvs_where_that_stretches_nothing() -> None:
    # A grey picture from 0 to 1: OpenCV's own stretching then changes nothing, and luminance is each channel.
    grey = np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64, 1)
    scene = np.repeat(grey, 3, axis=2)
    scene[0, 0, 1:] = 1e-6  # of a black pixel OpenCV makes NaN
    theirs = process(cv2.createTonemapDrago(1.0, 1.0, 0.85), scene)
    assert theirs is not None
    np.testing.assert_allclose(srgb_decode(drago(scene)), theirs, atol=1e-3)


@pytest.fixture
def scene() -> np.ndarray:
    """32 x 32, three decades, largest value 1."""
    rng = np.random.default_rng(0)
    picture = 10 ** rng.uniform(-3, 0, (32, 32, 1)) * rng.uniform(0.7, 1, (32, 32, 3))
    return picture / picture.max()


def test_mantiuk_shows_the_luminance_that_opencv_gives_the_reference(scene: np.ndarray) -> None:
    theirs = process(cv2.createTonemapMantiuk(1.0, 0.7, 1.0), scene)
    assert theirs is not None
    ours = srgb_decode(mantiuk(scene))
    # Where no channel is clipped, and OpenCV does not darken.
    open_ = (ours.max(axis=-1) < 0.99) & (luminance(theirs) > luminance(scene))
    assert open_.mean() > 0.9
    np.testing.assert_allclose(luminance(ours)[open_], luminance(theirs)[open_], rtol=1e-4)


def test_mantiuk_takes_the_exposure_of_each_pixel_from_the_reference(scene: np.ndarray) -> None:
    # Half the light is half the displayed light everywhere, though the operator itself would make it the same picture.
    whole, half = srgb_decode(mantiuk(scene)), srgb_decode(mantiuk(scene / 2, scene))
    open_ = whole < 0.99
    np.testing.assert_allclose(half[open_], whole[open_] / 2, rtol=1e-6)
    np.testing.assert_allclose(mantiuk(scene / 2), mantiuk(scene), atol=0.25)


def test_mantiuk_leaves_a_reference_without_contrast_alone() -> None:
    for value in (0.0, 0.3):
        flat = np.full((16, 16, 3), value)
        np.testing.assert_allclose(mantiuk(np.full((16, 16, 3), 0.5), flat), srgb_encode(np.float64(0.5)))


def test_mantiuk_does_not_hide_light_where_the_reference_is_black(scene: np.ndarray) -> None:
    black = scene.copy()
    black[4, 4] = 0
    prediction = black.copy()
    prediction[4, 4] = 0.5
    assert (mantiuk(prediction, black)[4, 4] >= srgb_encode(np.float64(0.5)) - 1e-9).all()
