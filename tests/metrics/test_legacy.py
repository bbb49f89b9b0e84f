from __future__ import annotations

import math

import numpy as np
import pytest

from mqn.metrics import fidelity, tonemapped
from mqn.metrics.legacy import psnr, ssim


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(0).random((16, 16, 3)).astype(np.float32) ** 4


@pytest.fixture
def prediction(truth: np.ndarray) -> np.ndarray:
    return truth + np.random.default_rng(1).normal(0, 0.02, truth.shape)


def test_half_the_exposure_is_forgiven_as_the_authors_forgive_it(truth: np.ndarray) -> None:
    assert psnr(truth / 2, truth) == math.inf
    assert ssim(truth / 2, truth) == pytest.approx(1)


def test_the_draw_follows_the_seed_and_the_truth_alone(truth: np.ndarray, prediction: np.ndarray) -> None:
    first = psnr(prediction, truth)
    psnr(truth, prediction)
    ssim(prediction, truth)
    assert psnr(prediction, truth) == first
    assert len({psnr(prediction, truth, seed) for seed in range(5)}) == 5


def test_the_figure_by_hand(truth: np.ndarray, prediction: np.ndarray) -> None:
    # Seed 0 adds the truth's checksum; the draw's order is gamma, low, high.
    import zlib

    generator = np.random.default_rng([0, 0, zlib.crc32(truth.tobytes())])
    gamma, low, high = generator.uniform(1.8, 2.2), generator.uniform(0, 15), generator.uniform(85, 100)

    def exposed(image: np.ndarray) -> np.ndarray:
        a, b = np.percentile(image, (low, high))
        return np.clip((image - a) / (b - a), 0, 1) ** (1 / gamma)

    expected = fidelity.psnr(exposed(prediction), exposed(truth.astype(np.float64)), peak=1)
    assert psnr(prediction, truth) == pytest.approx(expected, abs=1e-6)


def test_it_goes_by_the_name_of_an_operator_too(truth: np.ndarray, prediction: np.ndarray) -> None:
    assert tonemapped.psnr(prediction, truth, "legacy") == psnr(prediction, truth)
    assert tonemapped.ssim(prediction, truth, "legacy") == ssim(prediction, truth)


def test_pictures_of_few_bright_pixels_and_of_one_colour(truth: np.ndarray) -> None:
    lamp = np.zeros((16, 16, 3))
    lamp[0, 0] = 1
    assert psnr(lamp, lamp) == math.inf
    assert math.isfinite(psnr(np.full_like(truth, 0.3), truth))
    assert psnr(np.full_like(truth, 0.3), np.zeros_like(truth)) == math.inf
