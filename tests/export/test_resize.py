from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.errors import ExportError
from mqn.export.doubling import lower_nearest
from mqn.export.flatbuffer import Network
from mqn.export.interpreter import open_interpreter, run
from mqn.export.resize import retarget


@pytest.mark.parametrize("lowered", [False, True])
def test_same_weights_at_another_size(toy: Network, pictures: np.ndarray, tmp_path: Path, lowered: bool) -> None:
    network = toy.copy()
    if lowered:
        lower_nearest(network)
    wide = retarget(network.write(tmp_path / "a.tflite"), tmp_path / "b.tflite", 32, 64)
    picture = np.concatenate([pictures[:1], pictures[1:2]], axis=2)
    found = run(open_interpreter(wide), {"ldr": picture})["hdr"]
    assert found.shape == (1, 32, 64, 3)
    # Everything here is local: away from the seam each half is what the square file gives for it.
    alone = run(open_interpreter(network.to_bytes()), {"ldr": pictures[:1]})["hdr"]
    np.testing.assert_allclose(found[:, :, :24], alone[:, :, :24], atol=1e-6)


def test_there_and_back_is_the_same_file(toy_file: Path, tmp_path: Path) -> None:
    retarget(toy_file, tmp_path / "wide.tflite", 64, 96)
    retarget(tmp_path / "wide.tflite", tmp_path / "back.tflite", 32, 32)
    back, first = Network.read(tmp_path / "back.tflite"), Network.read(toy_file)
    assert [list(tensor.shape) for tensor in back.tensors] == [list(tensor.shape) for tensor in first.tensors]
    assert back.constant(back.index("constant/size")).tolist() == [32, 32]


@pytest.mark.parametrize(("height", "width"), [(33, 32), (32, 0), (100, 64)])
def test_sizes_that_the_network_cannot_take(toy_file: Path, tmp_path: Path, height: int, width: int) -> None:
    with pytest.raises(ExportError, match=f"{height} x {width} is no size .* multiples of 32"):
        retarget(toy_file, tmp_path / "x.tflite", height, width)


def test_unknown_operator_is_named(toy: Network, tmp_path: Path) -> None:
    network = toy.copy()
    network.operators[-1].opcodeIndex = network.operator_code("SOFTMAX")
    with pytest.raises(ExportError, match=r"hdr: cannot resize SOFTMAX; known: ADD"):
        retarget(network.write(tmp_path / "a.tflite"), tmp_path / "b.tflite", 64, 64)
