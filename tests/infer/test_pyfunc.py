from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.records import write_manifest
from tests.support.tflite_models import convolutions

from mqn.errors import ModelFileError, PictureError
from mqn.hdr.io.ultra_hdr import WHITE_NITS
from mqn.infer.picture import Expander
from mqn.infer.pyfunc import WHITE, PictureModel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "model.tflite"
    model.write_bytes(convolutions(32, 3, signed=True))
    return write_manifest(model, codec="mulaw", input_size=32)


@pytest.fixture
def codes() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)


def test_pictures_come_back_with_the_pixels_of_a_conversion(folder: Path, codes: np.ndarray) -> None:
    light = PictureModel(folder).predict(codes)
    one = Expander([folder / "model.tflite"], "mulaw")
    alone = [one.expand(picture.astype(np.float32) / 255) for picture in codes]
    assert (light.shape, light.dtype) == ((2, 40, 50, 3), np.float32)
    np.testing.assert_array_equal(light, np.stack(alone))


def test_one_picture_may_be_given_as_8_bits_16_bits_floats_or_lists(folder: Path, codes: np.ndarray) -> None:
    model, picture = PictureModel(folder), codes[:1]
    light = model.predict(picture)
    np.testing.assert_array_equal(model.predict(picture.tolist()), light)
    np.testing.assert_array_equal(model.predict(picture.astype(np.int64)), light)
    np.testing.assert_allclose(model.predict(picture.astype(np.uint16) * 257), light, atol=1e-6)
    np.testing.assert_allclose(model.predict(picture / 255), light, atol=1e-6)


def test_pictures_of_different_sizes_come_back_as_a_list(folder: Path, codes: np.ndarray) -> None:
    light = PictureModel(folder).predict([codes[0], codes[1, :32, :32]])
    assert [one.shape for one in light] == [(40, 50, 3), (32, 32, 3)]


@pytest.mark.parametrize(
    ("pictures", "told"),
    [
        ([], r"no picture is given; give \(N, H, W, 3\)"),
        (np.zeros((8, 8, 3), np.uint8), r"shape \(8, 8, 3\) is one picture; give \(N, H, W, 3\)"),
        (np.zeros((1, 1, 8, 8), np.uint8), r"shape \(1, 8, 8\); give \(H, W, 3\)"),
        ([[[[0, 0, 256]]]], "whole numbers from 0 to 256; give 0 to 255"),
        ([[[[0.0, 0.0, 1.5]]]], "values from 0 to 1.5"),
        ([[[[0, 0, 0]], [[0, 0]]]], "different lengths"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_line(folder: Path, pictures: object, told: str) -> None:
    with pytest.raises(PictureError, match=told):
        PictureModel(folder).predict(pictures)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="manifest"):
        PictureModel(tmp_path)


def test_white_is_that_of_a_conversion() -> None:
    assert WHITE_NITS / 1000 == WHITE
