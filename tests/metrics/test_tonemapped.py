from __future__ import annotations

import math

import numpy as np
import pytest

from mqn.errors import PictureError, UnknownNameError
from mqn.metrics.tonemapped import OPERATORS, psnr, ssim


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(0).random((16, 16, 3)).astype(np.float32) ** 4


def test_mulaw_psnr_by_hand() -> None:
    # Code values 1 and log(2501) / log(5001) = 0.918627: an error of 0.081373.
    white, half = np.ones((8, 8, 3)), np.full((8, 8, 3), 0.5)
    assert psnr(half, white) == pytest.approx(-20 * math.log10(1 - math.log(2501) / math.log(5001)))


def test_reinhard_psnr_by_hand() -> None:
    # The truth is grey 0.18 = its log-average, where the operator is x (1 + x) / (1 + x) = x; what is left is sRGB.
    def srgb(light: float) -> float:
        return 1.055 * light ** (1 / 2.4) - 0.055

    truth = np.full((8, 8, 3), 0.18)
    expected = -20 * math.log10(srgb(0.36) - srgb(0.18))
    assert psnr(2 * truth, truth, operator="reinhard", scale=1.0) == pytest.approx(expected)


@pytest.mark.parametrize("operator", OPERATORS)
def test_equal_pictures(truth: np.ndarray, operator: str) -> None:
    assert psnr(truth, truth, operator) == math.inf
    assert ssim(truth, truth, operator) == pytest.approx(1.0)


@pytest.mark.parametrize("operator", OPERATORS)
def test_half_the_exposure_is_not_forgiven(truth: np.ndarray, operator: str) -> None:
    assert psnr(truth / 2, truth, operator) < 30
    assert psnr(truth / 2, truth, operator) < psnr(truth / 1.1, truth, operator)
    assert ssim(truth / 2, truth, operator) < ssim(truth / 1.1, truth, operator) < 1


@pytest.mark.parametrize("operator", OPERATORS)
def test_light_above_the_scale_is_clipped_on_both_sides(truth: np.ndarray, operator: str) -> None:
    above = truth.copy()
    above[0, 0] = 1.0
    brighter = above.copy()
    brighter[0, 0] = 50.0
    assert psnr(brighter, above, operator, scale=1.0) == math.inf


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_unit_does_not_matter_because_the_truth_sets_the_scale(truth: np.ndarray, operator: str) -> None:
    test = truth[::-1]
    assert psnr(400 * test, 400 * truth, operator) == pytest.approx(psnr(test, truth, operator), abs=1e-4)
    assert ssim(400 * test, 400 * truth, operator) == pytest.approx(ssim(test, truth, operator), abs=1e-5)


def test_the_scale_is_the_truths_999th_of_a_thousand() -> None:
    truth = np.random.default_rng(0).random((16, 16, 3)) * 100
    point = float(np.percentile(truth, 99.9))
    assert psnr(truth[::-1], truth) == pytest.approx(psnr(truth[::-1], truth, scale=point))


def test_a_black_truth_has_no_scale(truth: np.ndarray) -> None:
    with pytest.raises(PictureError, match="the reference: is black"):
        psnr(truth, np.zeros_like(truth))


@pytest.mark.parametrize("function", [psnr, ssim])
def test_an_unknown_operator_names_the_nearest(truth: np.ndarray, function) -> None:
    with pytest.raises(UnknownNameError, match="no tone-mapping operator 'mu-law'; did you mean 'mulaw'"):
        function(truth, truth, operator="mu-law")
