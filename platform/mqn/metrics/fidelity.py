"""PSNR and SSIM on code values, whatever put the pictures into them."""

from __future__ import annotations

import math

import numpy as np

SSIM_SIGMA = 1.5
SSIM_WINDOW = 11


def psnr(test: np.ndarray, reference: np.ndarray, peak: float) -> float:
    """Peak signal-to-noise ratio over all values.

    Args:
        test: floats of any shape.
        reference: the same shape.
        peak: the code value that counts as the signal.

    Returns:
        dB; infinite where the two are equal.

    Raises:
        ValueError: the shapes differ or are empty.
    """
    _require_alike(test, reference)
    error = float(np.mean(np.square(np.subtract(test, reference, dtype=np.float64))))
    return 10 * math.log10(peak**2 / error) if error else math.inf


def ssim(test: np.ndarray, reference: np.ndarray, data_range: float) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian window of 11 x 11, sigma 1.5, K1 = 0.01, K2 = 0.03.

    scikit-image with the settings that equal TensorFlow's; its own defaults give other figures. A channel at a time,
    then the mean; windows that would leave the picture do not count.

    Args:
        test: (H, W) or (H, W, C) floats, H and W at least 11.
        reference: the same shape.
        data_range: the span of the code values.

    Returns:
        At most 1, which equal pictures reach.

    Raises:
        ValueError: the shapes differ, or are smaller than the window.
    """
    from skimage.metrics import structural_similarity

    _require_alike(test, reference)
    if min(test.shape[:2]) < SSIM_WINDOW:
        raise ValueError(
            f"pictures of shape {test.shape} are smaller than SSIM's window, {SSIM_WINDOW} x {SSIM_WINDOW}"
        )
    similarity = structural_similarity(
        test.astype(np.float64, copy=False),
        reference.astype(np.float64, copy=False),
        gaussian_weights=True,
        sigma=SSIM_SIGMA,
        use_sample_covariance=False,
        channel_axis=-1 if test.ndim == 3 else None,
        data_range=data_range,
    )
    return float(similarity)


def require_pictures(test: np.ndarray, reference: np.ndarray) -> None:
    """Refuse anything but two colour pictures of one shape; raises `ValueError`."""
    if np.shape(test) != np.shape(reference) or np.ndim(test) != 3 or np.shape(test)[-1] != 3:
        raise ValueError(f"test {np.shape(test)} and reference {np.shape(reference)} must have one shape, (H, W, 3)")


def _require_alike(test: np.ndarray, reference: np.ndarray) -> None:
    if test.shape != reference.shape or not test.size:
        raise ValueError(f"test {test.shape} and reference {reference.shape} must have one shape, and not be empty")
