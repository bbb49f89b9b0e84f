"""Wide Gaussian and bilateral filters whose cost does not grow with their width."""

from __future__ import annotations

import cv2
import numpy as np

_SIGMA_KEPT = 4.0
_LEVELS_A_SIGMA = 2.0


def smooth(image: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth a picture, (H, W) float32, by a Gaussian of `sigma` > 0 pixels; the borders are mirrored.

    A wide Gaussian runs on a smaller picture, where sigma is still 4 pixels or more.
    """
    height, width = image.shape
    step = max(int(sigma / _SIGMA_KEPT), 1)
    if step == 1:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)).reshape(image.shape)
    size = (-(-width // step), -(-height // step))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    # A picture that does not divide by the step shrinks by a little less than the step, in each direction its own.
    sigmas = (sigma * size[0] / width, sigma * size[1] / height)
    small = cv2.GaussianBlur(small, (0, 0), sigmaX=sigmas[0], sigmaY=sigmas[1], borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)).reshape(image.shape)


def bilateral(image: np.ndarray, sigma_space: float, sigma_range: float) -> np.ndarray:
    """A bilateral filter (Tomasi and Manduchi 1998), level by level of its range (Yang, Tan and Ahuja 2009).

    There are two levels for each `sigma_range`. At a level, a Gaussian filter of the picture, each pixel weighed by its
    distance from the level, is exact. Between levels, results are interpolated.

    Args:
        image: (H, W) float32.
        sigma_space: standard deviation in pixels.
        sigma_range: standard deviation in the picture's own units.

    Returns:
        (H, W) float32, within the picture's own extremes.
    """
    low, high = float(image.min()), float(image.max())
    intervals = max(int(np.ceil((high - low) / sigma_range * _LEVELS_A_SIGMA)), 1)
    step = (high - low) / intervals
    if step == 0:
        return image.copy()
    result = np.zeros_like(image)
    for i in range(intervals + 1):
        level = np.float32(low + i * step)
        near = np.exp(-0.5 * ((image - level) / np.float32(sigma_range)) ** 2)
        total = smooth(near, sigma_space)
        mean = np.divide(smooth(near * image, sigma_space), total, out=np.full_like(image, level), where=total > 0)
        result += mean * np.clip(1 - np.abs(image - level) / np.float32(step), 0, None)
    return np.clip(result, low, high)
