"""Samples of a bundle: filled in, for its codec, runnable."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.report.conftest import write_sigmoid

from mqn.hdr.codec import CODECS, decode
from mqn.hdr.io.files import read
from mqn.report.bundle.samples.reference import read_input, write_reference
from mqn.report.bundle.samples.writing import ASSETS, fill, write_samples
from mqn.tflite.flatbuffer import Network


def samples(folder: Path, codec: str = "mulaw", files: tuple[str, ...] = ("model.tflite",), name: str = "MQN") -> Path:
    ends = ("ldr", *(["interface"] if len(files) > 1 else []), "hdr")
    for file, source, target in zip(files, ends, ends[1:], strict=False):
        write_sigmoid(folder / file, source, target, 32)
    made = write_samples(folder, files, name=name, codec=codec, input_size=32)
    assert made == {"tile": 512}
    return folder / "samples"


@pytest.mark.parametrize("codec", CODECS)
def test_nothing_is_left_to_fill_in(tmp_path: Path, codec: str) -> None:
    folder = samples(tmp_path, codec)
    texts = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.suffix != ".tflite"}
    texts = {name: path.read_text(encoding="utf-8") for name, path in texts.items() if path.is_file()}
    assert {name for name, text in texts.items() if re.search(r"@[a-z_]+@", text)} == set()
    assert not any(name.endswith(".in") for name in texts)
    kotlin = {Path(name).name for name in texts if name.endswith(".kt")}
    way = "Gains.kt" if codec == "gain" else "Tiles.kt"
    assert kotlin == {"Codec.kt", "GainMap.kt", "MainActivity.kt", "Model.kt", "Photo.kt", "Picture.kt", way}
    assert f"(`{way}`)" in texts["README.md"]


def test_a_name_means_nothing_in_any_language(tmp_path: Path) -> None:
    folder = samples(tmp_path, name='"""); import os */ <script> ${x} `y`\n#')
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix not in (".tflite", ".kts"):
            text = path.read_text(encoding="utf-8")
            assert not any(part in text for part in ('""");', "<script>", "${x}", "`y`"))
    compile((folder / "convert.py").read_text(), "convert.py", "exec")


def test_an_app_gets_the_models_files_at_its_own_size(tmp_path: Path) -> None:
    samples(tmp_path, files=("backbone.tflite", "head.tflite"))
    for name in ("backbone.tflite", "head.tflite"):
        network = Network.read(tmp_path / ASSETS / name)
        assert [list(network.tensors[index].shape) for index in network.graph.inputs] == [[1, 512, 512, 3]]
    kotlin = next(tmp_path.rglob("Model.kt")).read_text()
    assert 'Part("backbone.tflite", listOf("ldr"), listOf("interface"))' in kotlin
    assert 'Part("head.tflite", listOf("interface"), listOf("hdr"))' in kotlin


@pytest.mark.parametrize("codec", ["mulaw", "gain"])
def test_the_output_is_what_the_codec_makes_of_the_network(tmp_path: Path, codec: str) -> None:
    samples(tmp_path, codec)
    told = write_reference(tmp_path, ["model.tflite"], [tmp_path / "model.tflite"], 32)
    picture = read_input(tmp_path / told["input"])
    assert picture.min() < 60
    assert picture.max() == 255
    ldr = picture / 255
    np.testing.assert_allclose(
        read(tmp_path / told["output"]), decode(1 / (1 + np.exp(-ldr)), codec, ldr), rtol=1e-4, atol=1e-6
    )


def test_a_name_without_a_value_is_an_error() -> None:
    assert fill("a @b@ c @d@", {"b": "1", "d": "2"}) == "a 1 c 2"
    with pytest.raises(KeyError):
        fill("@nothing@", {})
