"""Square crops of a picture, and the seeded generators that draw them.

A crop's truth is divided by its own `mqn.hdr.codec.picture_scale`, so that 1.0 is the crop's 99.9 % point. A black crop
has no scale: it is drawn again, up to `REDRAWS` times, and is then taken around the picture's brightest pixel.
"""

from __future__ import annotations

import cv2
import numpy as np

SMALLEST_CROP = 0.5
"""Of a picture's shorter side; the largest is the whole of it."""

REDRAWS = 8


def random_crop(picture: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """A square of 50 to 100 % of the shorter side, brought to (size, size, 3)."""
    height, width = picture.shape[:2]
    short = min(height, width)
    for _ in range(REDRAWS):
        side = int(generator.integers(max(round(short * SMALLEST_CROP), 1), short, endpoint=True))
        top, left = generator.integers(height - side, endpoint=True), generator.integers(width - side, endpoint=True)
        crop = _cut(picture, int(top), int(left), side, size)
        if crop.any():
            return crop
    return _bright_crop(picture, size)


def centre_crop(picture: np.ndarray, size: int) -> np.ndarray:
    """The centre square, brought to (size, size, 3); where it is black, a square around the brightest pixel."""
    height, width = picture.shape[:2]
    side = min(height, width)
    crop = _cut(picture, (height - side) // 2, (width - side) // 2, side, size)
    return crop if crop.any() else _bright_crop(picture, size)


def _bright_crop(picture: np.ndarray, size: int) -> np.ndarray:
    """A square of half the shorter side around the brightest pixel, as near as the border allows."""
    height, width = picture.shape[:2]
    side = max(round(min(height, width) * SMALLEST_CROP), 1)
    row, column = np.unravel_index(int(picture.max(axis=2).argmax()), (height, width))
    top, left = np.clip([row - side // 2, column - side // 2], 0, [height - side, width - side])
    return _cut(picture, int(top), int(left), side, size)


def _cut(picture: np.ndarray, top: int, left: int, side: int, size: int) -> np.ndarray:
    crop = np.asarray(picture[top : top + side, left : left + side], np.float32)
    # Areas average what is shrunk; what is enlarged they would only repeat.
    method = cv2.INTER_AREA if side >= size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (size, size), interpolation=method))


def seeded(*key: int) -> np.random.Generator:
    """A generator of its own for each key; the first number is the seed."""
    return np.random.default_rng(np.random.SeedSequence(key[0], spawn_key=key[1:]))
