"""A map that was made for a small picture, brought to the size of the large one along the large one's edges.

A guided filter (He, Sun and Tang 2013) in its fast form (He and Sun 2015): within each window of the small picture the
map is a linear function of the luma. What the small picture has lost of the large one's luma is put through the same
function. So the map keeps its values, and gets the edges that it had no pixels for.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

_WINDOW = 9
"""Side of a window in pixels of the small picture."""

_FLAT = 1e-3
"""Variance of luma below which a window counts as flat: noise of 3 % makes no edges."""

_ROWS = 256

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def enlarge(values: np.ndarray, small: np.ndarray, large: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Enlarge a map some rows at a time, so that little memory is needed.

    Args:
        values: (h, w, 3) float32, made for `small`.
        small: (h, w, 3) float32, code values.
        large: (H, W, 3) float32, the same picture.

    Yields:
        Rows, and the map there, (rows, W, 3) float32.
    """
    height, width = large.shape[:2]
    luma = small @ _LUMA
    # What is interpolated, side by side: the map, how it changes with luma, and the small picture's luma.
    wide = cv2.resize(np.dstack([values, _slopes(values, luma), luma]), (width, small.shape[0]))
    for first in range(0, height, _ROWS):
        rows = slice(first, min(first + _ROWS, height))
        part = _rows(wide, rows, height)
        detail = large[rows] @ _LUMA - part[..., 6]
        yield rows, part[..., :3] + part[..., 3:6] * detail[..., None]


def _slopes(values: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """Of the map over luma, around each pixel."""

    def mean(image: np.ndarray) -> np.ndarray:
        return cv2.blur(image, (_WINDOW, _WINDOW), borderType=cv2.BORDER_REPLICATE)

    middle = mean(luma)
    variance = mean(luma * luma) - middle * middle
    covariance = mean(values * luma[..., None]) - mean(values) * middle[..., None]
    return mean(covariance / (variance[..., None] + np.float32(_FLAT)))


def _rows(wide: np.ndarray, rows: slice, height: int) -> np.ndarray:
    """Rows of a picture that is wide enough, interpolated linearly between its own."""
    last = wide.shape[0] - 1
    places = np.clip((np.arange(rows.start, rows.stop) + 0.5) * (wide.shape[0] / height) - 0.5, 0, last)
    above = places.astype(int)
    share = (places - above).astype(np.float32)[:, None, None]
    below = np.minimum(above + 1, last)
    interpolated: np.ndarray = wide[above] * (1 - share) + wide[below] * share
    return interpolated
