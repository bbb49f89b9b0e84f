from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mqn.errors import PlanError
from mqn.export.flatbuffer import Network
from mqn.export.interpreter import open_interpreter, run
from mqn.export.quantize import quantize
from mqn.records import Plan


def _run(files: tuple[Path, ...], picture: np.ndarray) -> np.ndarray:
    values = {"ldr": picture}
    for file in files:
        values |= run(open_interpreter(file), values)
    return values["hdr"]


@pytest.mark.parametrize("head", ["float32", "float16", "dynamic_wi8_afp32", "static_wi8_ai8"])
def test_one_file_and_two_are_the_same_network(toy_file: Path, pictures: np.ndarray, tmp_path: Path, head: str) -> None:
    plans = [Plan(backbone="static_wi8_ai8", head=head, layout=layout) for layout in ("fused", "pair")]  # type: ignore[arg-type]
    fused, pair = (quantize(toy_file, plan, pictures, tmp_path / plan.layout) for plan in plans)
    assert [file.name for file in fused] == ["model.tflite"]
    assert [file.name for file in pair] == ["backbone.tflite", "head.tflite"]
    one, two = _run(fused, pictures[:1]), _run(pair, pictures[:1])
    assert one.dtype == two.dtype == np.float32
    assert np.abs(one - two).max() < 2 / 255
    whole = run(open_interpreter(toy_file), {"ldr": pictures[:1]})["hdr"]
    assert 0 < np.abs(one - whole).max() < 0.05


def test_float_changes_no_number(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    plan = Plan(backbone="float32", head="float32")
    files = quantize(toy_file, plan, pictures, tmp_path / "q")
    parity = json.loads((tmp_path / "q" / "parity.json").read_text())
    assert parity == {
        "pictures": 4,
        "output": {"max": 0.0, "rms": 0.0, "psnr": None},
        "interface": {"max": 0.0, "relative_rms": 0.0},
    }
    assert json.loads((tmp_path / "q" / "recipe.json").read_text()) == []
    np.testing.assert_array_equal(_run(files, pictures[:1]), _run((toy_file,), pictures[:1]))


def test_parity_is_the_distance_from_the_float_file(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    files = quantize(toy_file, Plan(), pictures, tmp_path / "q")
    parity = json.loads((tmp_path / "q" / "parity.json").read_text())
    pairs = [(_run(files, picture[None]), _run((toy_file,), picture[None])) for picture in pictures]
    differences = np.concatenate([found.astype(np.float64) - expected for found, expected in pairs])
    assert parity["output"]["max"] == pytest.approx(np.abs(differences).max())
    assert parity["output"]["rms"] == pytest.approx(np.sqrt((differences**2).mean()))
    assert parity["output"]["psnr"] == pytest.approx(-10 * np.log10((differences**2).mean()))
    assert 0 < parity["interface"]["relative_rms"] < 0.05


@pytest.mark.parametrize("layout", ["fused", "pair"])
def test_interface_error_of_two_integer_sides(
    toy_file: Path, pictures: np.ndarray, tmp_path: Path, layout: str
) -> None:
    plan = Plan(head="static_wi8_ai8", layout=layout)  # type: ignore[arg-type]
    quantize(toy_file, plan, pictures, tmp_path / "q")
    assert 0 < json.loads((tmp_path / "q" / "parity.json").read_text())["interface"]["relative_rms"] < 0.05


def test_what_comes_out_is_what_was_asked(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    (file,) = quantize(toy_file, Plan(), pictures, tmp_path / "q")
    network = Network.read(file)
    kernels = {
        network.tensors[operator.outputs[0]].name: network.constant(operator.inputs[1]).dtype
        for operator in network.operators
        if network.kind(operator) == "CONV_2D"
    }
    # The head's 1x1 kernel of 96 weights is too small for dynamic quantization to pay.
    assert kernels == {
        "backbone/down": np.int8,
        "backbone/mix/phases": np.int8,
        "head/conv": np.int8,
        "head/last": np.float32,
    }
    assert network.tensors[network.inputs()["ldr"]].type == network.tensors[network.outputs()["hdr"]].type == 0


def test_dynamic_needs_no_pictures(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    quantize(toy_file, Plan(backbone="float16"), pictures[:0], tmp_path / "q")
    parity = json.loads((tmp_path / "q" / "parity.json").read_text())
    assert parity == {"pictures": 0, "output": None, "interface": None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda pictures: pictures[:0], "needs calibration pictures, and there is none"),
        (
            lambda pictures: pictures[:, :16],
            r"shape \(4, 16, 32, 3\) .* do not fit the file; it takes \(N, 32, 32, 3\)",
        ),
        (lambda pictures: pictures.astype(np.float64), "type float64"),
        (lambda pictures: pictures * 255, r"must lie in \[0, 1\]"),
    ],
)
def test_pictures_that_cannot_calibrate(
    toy_file: Path, pictures: np.ndarray, tmp_path: Path, change: object, message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        quantize(toy_file, Plan(), change(pictures), tmp_path / "q")  # type: ignore[operator]


def test_a_cut_that_names_nothing(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="did you mean 'interface'"):
        quantize(toy_file, Plan(cut="inter face"), pictures, tmp_path / "q")
