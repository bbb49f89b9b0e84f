"""Tiles: they cover every pixel, add up to one, and give back what a pixelwise function makes of the whole."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mqn.errors import UsageError
from mqn.infer.exported import open_exported
from mqn.infer.picture import LEAST_TILE, Expander
from mqn.infer.tiling import blend, match_level, spans
from mqn.parsing import file_hash


@pytest.mark.parametrize(
    ("length", "tile", "overlap"), [(10, 10, 2), (11, 10, 2), (100, 32, 8), (97, 32, 15), (1, 32, 8)]
)
def test_spans_cover_the_axis_and_their_weights_add_up_to_one(length: int, tile: int, overlap: int) -> None:
    total = np.zeros(length)
    found = spans(length, tile, overlap)
    for span in found:
        assert span.stop - span.start == min(tile, length)
        assert span.weights.min() >= 0
        total[span.start : span.stop] += span.weights
    for before, after in itertools.pairwise(found):
        assert before.stop - after.start >= overlap
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_spans_start_at_multiples_of_the_step_and_still_share_enough() -> None:
    found = spans(96 * 8, 20 * 8, 30, step=8)
    assert all(span.start % 8 == 0 for span in found)
    assert min(before.stop - after.start for before, after in itertools.pairwise(found)) >= 30


def test_blending_a_pixelwise_function_is_that_function_of_the_whole() -> None:
    image = np.random.default_rng(0).random((50, 70, 3), dtype=np.float32)
    np.testing.assert_allclose(blend(image, np.square, 32, 8), image**2, atol=1e-6)


def test_tiles_of_different_level_fade_into_each_other() -> None:
    levels = iter((1.0, 3.0))
    result = blend(np.zeros((4, 14, 3), np.float32), lambda part: np.full_like(part, next(levels)), 8, 2)
    np.testing.assert_allclose(result[0, :, 0], [1] * 6 + [1.5, 2.5] + [3] * 6)


def test_regions_take_the_level_of_the_guide_and_keep_their_detail() -> None:
    detail = np.tile(np.array([[0.01, 0.02], [0.02, 0.01]], np.float32), (8, 8))[..., None] * np.ones(3, np.float32)
    light = detail.copy()
    light[:, 8:] *= 4
    matched = match_level(light, cv2.resize(detail, (8, 8), interpolation=cv2.INTER_NEAREST) * 0 + 0.02, 8)
    # Each region's mean of log light is that of 0.01 and 0.02; the guide's is 0.02: a gain of the root of 2.
    np.testing.assert_allclose(matched[:, :4], detail[:, :4] * 2**0.5, rtol=1e-4)
    np.testing.assert_allclose(matched[:, 12:], detail[:, 12:] * 2**0.5, rtol=1e-4)
    assert match_level(np.full((8, 8, 3), 0.9, np.float32), np.ones((4, 4, 3), np.float32) * 2, 8).max() == 1


def test_a_large_picture_is_reconstructed_in_tiles_of_the_stated_size(toy_file: Path) -> None:
    model = toy_file.rename(toy_file.with_name("model.tflite"))
    manifest = {"stage": "export", "key": "k", "inputs": {}, "files": {model.name: file_hash(model)}, "versions": {}}
    details = {"codec": "log", "input_size": 32}
    (model.parent / "manifest.json").write_text(json.dumps({**manifest, "seconds": 0.0, "details": details}))
    exported = open_exported(model.parent)
    row, column = np.mgrid[0:50, 0 : LEAST_TILE * 8].astype(np.float32)
    ldr = np.stack([0.5 + 0.4 * np.sin(column / 300 + phase) * np.cos(row / 60) for phase in (0, 1, 2)], axis=-1)
    whole, tiled = (Expander(exported.files, exported.codec, tile=tile).expand(ldr) for tile in (2048, LEAST_TILE))
    # The toy sees a few pixels around each, far less than tiles share; the guide is a reduced picture.
    assert tiled.shape == whole.shape == ldr.shape
    assert np.median(np.abs(tiled / whole - 1)) < 0.05
    with pytest.raises(UsageError, match="at least 352 pixels"):
        Expander(exported.files, exported.codec, tile=100)
