from __future__ import annotations

import cv2
import numpy as np
import pytest

from mqn.errors import PictureError
from mqn.scoring.tiles import SIDE, draw_tiles


def _decoded(data: bytes) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))


def test_a_perfect_prediction_looks_like_the_truth_and_has_no_error() -> None:
    truth = np.random.default_rng(0).random((20, 40, 3)).astype(np.float32)
    tiles = draw_tiles(truth, truth.copy(), truth)
    assert tiles.prediction == tiles.truth
    assert _decoded(tiles.error).max() <= 4  # inferno's 0 is (0, 0, 4)


def test_half_a_decade_is_half_way_up_the_map() -> None:
    truth = np.full((16, 16, 3), 0.5, np.float32)
    dark = draw_tiles(truth, truth / np.float32(10**0.5), truth)
    expected = cv2.applyColorMap(np.full((1, 1), 128, np.uint8), cv2.COLORMAP_INFERNO)[0, 0]
    assert np.abs(_decoded(dark.error)[100, 100].astype(int) - expected).max() <= 3


def test_pictures_are_brought_to_one_side() -> None:
    large, small = np.ones((1000, 500, 3), np.float32), np.ones((16, 8, 3), np.float32)
    assert _decoded(draw_tiles(large, large, large).ldr).shape == (SIDE, SIDE // 2, 3)
    assert _decoded(draw_tiles(small, small, small).ldr).shape == (16 * 22, 8 * 22, 3)


def test_what_cannot_be_drawn_is_named() -> None:
    truth = np.ones((8, 8, 3), np.float32)
    with pytest.raises(PictureError, match="cannot be drawn"):
        draw_tiles(truth, np.full_like(truth, np.nan), truth)
