from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.errors import ModelFileError
from mqn.hdr.codec import decode
from mqn.infer.runner import Runner
from mqn.tflite.cutting import cut
from mqn.tflite.flatbuffer import Network


def test_output_is_decoded(toy_file: Path, pictures: np.ndarray) -> None:
    runner = Runner([toy_file], "mulaw")
    assert runner.size == (32, 32)
    linear = runner.predict(pictures[0])
    assert linear.shape == (32, 32, 3)
    assert linear.dtype == np.float32
    np.testing.assert_allclose(linear, decode(runner.infer(pictures[0]), "mulaw", pictures[0]), rtol=1e-6)


def test_backbone_and_head_run_in_turn(toy: Network, toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    files = [part.write(tmp_path / f"{name}.tflite") for part, name in zip(cut(toy, "backbone/mix"), "ab", strict=True)]
    np.testing.assert_array_equal(
        Runner(files, "linear").infer(pictures[0]), Runner([toy_file], "linear").infer(pictures[0])
    )
    with pytest.raises(ModelFileError, match="give one file, or backbone and head"):
        Runner(files[::-1], "linear")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_truncated_file_is_one_line(toy_file: Path, share: float) -> None:
    content = toy_file.read_bytes()
    toy_file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelFileError, match=r"^[^\n]*model.float32.tflite is truncated or damaged[^\n]*$"):
        Runner([toy_file], "linear")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"no model file .*absent.tflite"):
        Runner([tmp_path / "absent.tflite"], "linear")


def test_picture_of_another_size(toy_file: Path) -> None:
    with pytest.raises(ModelFileError, match=r"shape \(64, 32, 3\) does not fit files for \(32, 32, 3\)"):
        Runner([toy_file], "linear").infer(np.zeros((64, 32, 3), np.float32))
