"""What a file tells of itself, written and read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.report.conftest import write_sigmoid

from mqn.errors import ModelFileError
from mqn.tflite.flatbuffer import Network
from mqn.tflite.metadata import NAME, ModelText, TensorText, encode_text, read_text, write_text

TEXT = ModelText(
    name="MQN ca",
    description="turns pictures into pictures",
    version="study s, trial 3",
    author="mqn",
    licence="CC BY 4.0",
    inputs=(TensorText(name="ldr", description="codes", picture=True, mean=0.0, std=255.0, low=0.0, high=1.0),),
    outputs=(
        TensorText(name="hdr", description="ü", picture=True, mean=0.25, std=0.5, low=0.25, high=0.75),
        TensorText(name="interface", description="features"),
    ),
)


def test_a_file_tells_what_was_written_and_another_one_nothing(tmp_path: Path) -> None:
    path = write_sigmoid(tmp_path / "model.tflite", "ldr", "hdr", 8)
    network = Network.read(path)
    assert read_text(network) is None
    write_text(network, TEXT)
    network.write(path)
    assert read_text(Network.read(path)) == TEXT
    content = Network.read(path).metadata(NAME)
    assert content is not None
    assert content[4:8] == b"M001"
    assert content == encode_text(TEXT)


def test_what_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    network = Network.read(write_sigmoid(tmp_path / "model.tflite", "ldr", "hdr", 8))
    for content in (b"no flatbuffer", encode_text(TEXT)[:80], encode_text(TEXT)[:4] + b"X001" + encode_text(TEXT)[8:]):
        network.set_metadata(NAME, content)
        with pytest.raises(ModelFileError, match="is damaged"):
            read_text(network)
