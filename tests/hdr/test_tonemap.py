from __future__ import annotations

import math

import numpy as np
import pytest

from mqn.hdr.tonemap import log_average, luminance, mulaw, reinhard
from mqn.hdr.transfer import srgb_encode


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
