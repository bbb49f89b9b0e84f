from __future__ import annotations

import pytest
from tests.support.tflite_models import convolutions

from mqn.device.predictor.graph import OpFeatures, read_features
from mqn.device.reference_models import chain
from mqn.errors import ModelFileError


def test_convolutions_cost_their_multiplications_and_their_bytes(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(chain(8, 4, ("spatial", "pointwise", "depthwise")))
    picture, bias = 4 * 8 * 8 * 4, 4 * 4
    assert read_features(path) == (
        OpFeatures(
            family="convolution",
            kind="convolution",
            dtype="float32",
            macs=8 * 8 * 4 * 9 * 4,
            bytes=2 * picture + bias + 4 * 4 * 9 * 4,
        ),
        OpFeatures(
            family="matrix",
            kind="pointwise",
            dtype="float32",
            macs=8 * 8 * 4 * 4,
            bytes=2 * picture + bias + 4 * 4 * 4,
        ),
        OpFeatures(
            family="depthwise",
            kind="depthwise",
            dtype="float32",
            macs=8 * 8 * 4 * 9,
            bytes=2 * picture + bias + 4 * 9 * 4,
        ),
    )


def test_whole_numbers_are_another_arithmetic(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(chain(8, 4, ("spatial",), "int8"))
    (found,) = read_features(path)
    assert (found.dtype, found.bytes) == ("int8", 2 * 256 + 4 * 4 + 144)


def test_what_does_not_multiply_is_other(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(convolutions(8, 4, dtype="int8"))
    cast, _ = read_features(path)
    assert (cast.family, cast.kind, cast.macs, cast.bytes) == ("other", "compute", 0, 256 + 4 * 256)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "no TFLite file"), (b"\xff\xff\xff\x7fTFL3" + bytes(40), "damaged")],
)
def test_what_is_no_model_is_named(tmp_path, content, words):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=words):
        read_features(path)
    with pytest.raises(ModelFileError, match="cannot read"):
        read_features(tmp_path / "absent")
