from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from mqn.metrics.fidelity import psnr, ssim

ZEROS = np.zeros((16, 16, 3))


def test_psnr_by_hand() -> None:
    # An error of 0.1 everywhere: 10 log10(1 / 0.01) = 20 dB; of a peak of 10: 40 dB.
    assert psnr(ZEROS + 0.1, ZEROS, peak=1.0) == pytest.approx(20.0)
    assert psnr(ZEROS + 0.1, ZEROS, peak=10.0) == pytest.approx(40.0)


def test_psnr_takes_all_channels_together() -> None:
    one_channel = ZEROS.copy()
    one_channel[..., 1] = 0.3
    assert psnr(one_channel, ZEROS, peak=1.0) == pytest.approx(-10 * math.log10(0.03))


def test_psnr_of_equal_pictures_is_infinite() -> None:
    assert psnr(ZEROS, ZEROS, peak=1.0) == math.inf


def test_ssim_of_flat_pictures_by_hand() -> None:
    # No variance: only the luminance term is left, (2 a b + c1) / (a^2 + b^2 + c1) with c1 = 0.01^2.
    expected = (2 * 0.2 * 0.4 + 1e-4) / (0.04 + 0.16 + 1e-4)
    assert ssim(ZEROS + 0.2, ZEROS + 0.4, data_range=1.0) == pytest.approx(expected)


def test_ssim_is_the_mean_over_channels() -> None:
    rng = np.random.default_rng(0)
    test, reference = rng.random((2, 16, 16, 3))
    channels = [ssim(test[..., c], reference[..., c], data_range=1.0) for c in range(3)]
    assert ssim(test, reference, data_range=1.0) == pytest.approx(np.mean(channels))


def test_ssim_of_one_window_by_hand() -> None:
    # 11 x 11 pixels hold one window: weighted moments, population covariance.
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 11, 11))
    tap = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weight = np.outer(tap, tap) / tap.sum() ** 2
    mean_a, mean_b = (weight * a).sum(), (weight * b).sum()
    var_a, var_b = (weight * (a - mean_a) ** 2).sum(), (weight * (b - mean_b) ** 2).sum()
    covariance = (weight * (a - mean_a) * (b - mean_b)).sum()
    expected = (2 * mean_a * mean_b + 1e-4) * (2 * covariance + 9e-4)
    expected /= (mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4)
    assert ssim(a, b, data_range=1.0) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("data_range", [1.0, 256.0])
def test_ssim_is_scikit_images_at_the_setting_that_equals_tensorflows(data_range: float) -> None:
    test, reference = data_range * np.random.default_rng(0).random((2, 32, 24, 3))
    expected = structural_similarity(
        test,
        reference,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=data_range,
        channel_axis=-1,
    )
    assert ssim(test, reference, data_range=data_range) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_equal_pictures_is_one() -> None:
    picture = np.random.default_rng(0).random((16, 16, 3))
    assert ssim(picture, picture, data_range=1.0) == pytest.approx(1.0)


def test_pictures_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        psnr(ZEROS, ZEROS[:8], peak=1.0)
    with pytest.raises(ValueError, match="one shape"):
        psnr(ZEROS[:0], ZEROS[:0], peak=1.0)
    with pytest.raises(ValueError, match="smaller than SSIM's window, 11 x 11"):
        ssim(ZEROS[:8], ZEROS[:8], data_range=1.0)
