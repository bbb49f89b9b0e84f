"""Matrices and ranges by hand; chroma sits where it is said to sit."""

from __future__ import annotations

import numpy as np
import pytest

from mqn.media.ycbcr import LUMA_WEIGHTS, from_rgb, to_rgb


def planes(y: int, cb: int, cr: int, dtype: type = np.uint8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.full((2, 2), y, dtype), np.full((1, 1), cb, dtype), np.full((1, 1), cr, dtype)


@pytest.mark.parametrize(
    ("codes", "full", "expected"),
    [
        ((16, 128, 128), False, (0, 0, 0)),
        ((235, 128, 128), False, (1, 1, 1)),
        ((255, 128, 128), True, (1, 1, 1)),
        # BT.709 red: Y' = 0.2126, Cr = 0.5, Cb = -0.2126 / 1.8556.
        ((63, 102, 240), False, (1, 0, 0)),
    ],
)
def test_known_codes(codes: tuple[int, int, int], full: bool, expected: tuple[int, int, int]) -> None:
    rgb = to_rgb(planes(*codes), matrix="bt709", bits=8, full=full, siting="top_left")
    np.testing.assert_allclose(rgb[0, 0], expected, atol=0.006)


def test_ten_bits_of_white_and_black_are_those_of_bt2100() -> None:
    y, cb, cr = from_rgb(np.ones((2, 2, 3), np.float32), matrix="bt2020", bits=10)
    assert (y[0, 0], cb[0, 0], cr[0, 0]) == (940, 512, 512)
    y, cb, cr = from_rgb(np.zeros((2, 2, 3), np.float32), matrix="bt2020", bits=10)
    assert (y[0, 0], cb[0, 0], cr[0, 0]) == (64, 512, 512)
    y, cb, cr = from_rgb(np.full((2, 2, 3), (0, 0, 1), np.float32), matrix="bt2020", bits=10)
    assert (y[0, 0], cb[0, 0]) == (round(64 + 876 * 0.0593), 960)


@pytest.mark.parametrize("matrix", LUMA_WEIGHTS)
def test_there_and_back(matrix: str) -> None:
    rgb = np.full((4, 6, 3), (0.7, 0.2, 0.4), np.float32)
    coded = from_rgb(rgb, matrix=matrix, bits=10)
    assert coded[1].shape == (2, 3)
    back = to_rgb(coded, matrix=matrix, bits=10, full=False, siting="top_left")
    np.testing.assert_allclose(back, rgb, atol=2 / 876)


def test_chroma_is_taken_at_the_top_left_sample_of_each_four() -> None:
    # Blue rises by 0.1 a column and nothing by row: chroma of column 2k is that of column 2k itself.
    rgb = np.zeros((4, 8, 3), np.float32)
    rgb[..., 2] = np.arange(8) * 0.1
    _, cb, _ = from_rgb(rgb, matrix="bt709", bits=10)
    expected = 512 + 896 * (1 - 0.0722) * 0.2 * np.arange(1, 4) / 1.8556
    np.testing.assert_allclose(cb[1, 1:], expected, atol=0.6)


def test_chroma_that_changes_evenly_comes_back_at_its_own_place() -> None:
    ramp = (np.arange(8)[:, None] * 0.05 + np.arange(10) * 0.03).astype(np.float32)
    rgb = np.stack([ramp, np.zeros_like(ramp), np.zeros_like(ramp)], axis=-1)
    back = to_rgb(from_rgb(rgb, matrix="bt2020", bits=10), matrix="bt2020", bits=10, full=False, siting="top_left")
    # Not at the edges, where half of what is averaged is missing.
    np.testing.assert_allclose(back[2:-2, 2:-2, 0], ramp[2:-2, 2:-2], atol=3 / 876)
    shifted = to_rgb(from_rgb(rgb, matrix="bt2020", bits=10), matrix="bt2020", bits=10, full=False, siting="left")
    assert np.abs(shifted[2:-2, 2:-2, 0] - ramp[2:-2, 2:-2]).max() > 0.01


@pytest.mark.parametrize(
    ("siting", "expected"), [("left", [0, 5, 10, 15, 20, 20]), ("centre", [0, 2.5, 7.5, 12.5, 17.5, 20])]
)
def test_chroma_is_spread_from_where_it_lies(siting: str, expected: list[float]) -> None:
    luma, neutral = np.full((2, 6), 128, np.uint8), np.full((1, 3), 128, np.uint8)
    blue = np.array([[128, 138, 148]], np.uint8)
    rgb = to_rgb((luma, blue, neutral), matrix="bt709", bits=8, full=True, siting=siting)
    np.testing.assert_allclose((rgb[0, :, 2] - 128 / 255) * 255 / 1.8556, expected, atol=1e-3)
