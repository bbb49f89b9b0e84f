from __future__ import annotations

import cv2
import numpy as np

from mqn.hdr.opencv import process


def test_dark_pixels_come_back_as_numbers() -> None:
    # With its own gamma OpenCV gives NaN wherever rounding has put the darkest pixels below 0.
    scene = np.random.default_rng(0).random((32, 32, 3)).astype(np.float32) ** 4
    mapped = process(cv2.createTonemapMantiuk(1.0, 0.7, 1.0), scene / scene.max())
    assert mapped is not None
    assert 0 <= mapped.min() < mapped.max() <= 1


def test_a_picture_that_cannot_be_mapped_gives_none() -> None:
    flat = np.ones((16, 16, 3), np.float32)
    assert process(cv2.createTonemapMantiuk(1.0, 0.7, 1.0), flat) is None
    assert process(cv2.createTonemapReinhard(1.0, 0.0, 1.0, 0.0), flat) is None
