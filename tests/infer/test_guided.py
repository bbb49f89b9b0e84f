"""Maps that are enlarged along a picture's edges."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mqn.infer.guided import enlarge


def enlarged(values: np.ndarray, small: np.ndarray, large: np.ndarray) -> np.ndarray:
    found = np.full((*large.shape[:2], 3), np.nan, np.float32)
    for rows, part in enlarge(values, small, large):
        found[rows] = part
    return found


def picture(height: int, width: int) -> np.ndarray:
    """A dark and a bright side, with an edge between two pixels of the small picture."""
    image = np.full((height, width, 3), 0.2, np.float32)
    image[:, int(0.53 * width) :] = 0.9
    return image


@pytest.mark.parametrize("size", [(600, 400), (31, 47), (256, 512)])
def test_a_map_that_is_the_same_everywhere_stays(size: tuple[int, int]) -> None:
    large = np.random.default_rng(0).random((*size, 3), np.float32)
    small = cv2.resize(large, (24, 16), interpolation=cv2.INTER_AREA)
    found = enlarged(np.full((16, 24, 3), 0.4, np.float32), small, large)
    np.testing.assert_allclose(found, 0.4, atol=1e-5)


def test_at_its_own_size_a_map_stays() -> None:
    small, values = np.random.default_rng(0).random((2, 20, 30, 3), np.float32)
    np.testing.assert_allclose(enlarged(values, small, small), values, atol=1e-5)


def test_edges_are_those_of_the_large_picture() -> None:
    large = picture(640, 960)
    small = cv2.resize(large, (60, 40), interpolation=cv2.INTER_AREA)
    # Twice as much gain where it is bright.
    values, truth = 0.3 + 0.5 * small, 0.3 + 0.5 * large
    blurred = cv2.resize(values, (960, 640), interpolation=cv2.INTER_LINEAR)
    found = enlarged(values, small, large)
    assert np.abs(found - truth).max() < 0.1 * np.abs(blurred - truth).max()


def test_noise_of_the_large_picture_stays_out_of_a_flat_map() -> None:
    generator = np.random.default_rng(0)
    large = np.clip(0.5 + generator.normal(0, 0.03, (400, 600, 3)), 0, 1).astype(np.float32)
    small = cv2.resize(large, (60, 40), interpolation=cv2.INTER_AREA)
    values = np.broadcast_to(np.linspace(0.3, 0.7, 60, dtype=np.float32)[:, None], (40, 60, 3)).copy()
    smooth = cv2.resize(values, (600, 400), interpolation=cv2.INTER_LINEAR)
    assert np.abs(enlarged(values, small, large) - smooth).std() < 0.1 * large.std()
