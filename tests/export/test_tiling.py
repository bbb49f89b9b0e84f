"""Tiles: they cover every pixel, add up to one, and give back what a pixelwise function makes of the whole."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from mqn.errors import UsageError
from mqn.export.exported import open_exported
from mqn.export.picture import LEAST_TILE, Expander
from mqn.export.tiling import blend, spans
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


def test_a_large_picture_is_reconstructed_in_tiles_of_the_stated_size(toy_file: Path) -> None:
    model = toy_file.rename(toy_file.with_name("model.tflite"))
    manifest = {"stage": "export", "key": "k", "inputs": {}, "files": {model.name: file_hash(model)}, "versions": {}}
    details = {"codec": "log", "input_size": 32}
    (model.parent / "manifest.json").write_text(json.dumps({**manifest, "seconds": 0.0, "details": details}))
    exported = open_exported(model.parent)
    ldr = np.random.default_rng(1).random((50, LEAST_TILE * 8, 3), dtype=np.float32)
    whole, tiled = (Expander(exported.files, exported.codec, tile=tile).expand(ldr) for tile in (2048, LEAST_TILE - LEAST_TILE % 32))
    # The toy sees a few pixels around each: far less than tiles share.
    assert tiled.shape == whole.shape == ldr.shape
    np.testing.assert_allclose(tiled, whole, rtol=1e-4, atol=1e-6)
    with pytest.raises(UsageError, match="at least 352 pixels"):
        Expander(exported.files, exported.codec, tile=100)
