from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from mqn.errors import PlanError
from mqn.export.quantize.quantization import apply_plan, quantize
from mqn.infer.interpreter import open_interpreter, run
from mqn.records import Plan, Scheme
from mqn.tflite.flatbuffer import Network

SIZE = 32


def _run(files: tuple[Path, ...], picture: np.ndarray) -> np.ndarray:
    values = {"ldr": picture}
    for file in files:
        values |= run(open_interpreter(file), values)
    return values["hdr"]


def test_a_plan_chooses_the_rewrites(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    kinds, outputs = {}, {}
    for lowering in ("auto", "none", "doubling,pairs"):
        (file,) = quantize(toy_file, Plan(lowering=lowering), pictures, tmp_path / lowering)
        network = Network.read(file)
        kinds[lowering] = {network.kind(operator) for operator in network.operators}
        outputs[lowering] = _run((file,), pictures[:1])
    assert "RESIZE_NEAREST_NEIGHBOR" in kinds["none"]
    assert "RESIZE_NEAREST_NEIGHBOR" not in kinds["auto"] | kinds["doubling,pairs"]
    np.testing.assert_allclose(outputs["auto"], outputs["none"], atol=1e-6)
    np.testing.assert_allclose(outputs["doubling,pairs"], outputs["none"], atol=1e-6)


@pytest.mark.slow
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


def test_slow_kernels_are_compared_on_fewer_pictures(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    quantize(toy_file, Plan(backbone="static_wi8_ai16"), pictures, tmp_path / "q")
    assert json.loads((tmp_path / "q" / "parity.json").read_text())["pictures"] == 2


@pytest.mark.parametrize("layout", ["fused", "pair"])
def test_interface_error_of_two_integer_sides(
    toy_file: Path, pictures: np.ndarray, tmp_path: Path, layout: str
) -> None:
    plan = Plan(head="static_wi8_ai8", layout=layout)  # type: ignore[arg-type]
    quantize(toy_file, plan, pictures, tmp_path / "q")
    assert 0 < json.loads((tmp_path / "q" / "parity.json").read_text())["interface"]["relative_rms"] < 0.05


def test_what_comes_out_is_what_was_asked(toy: Network, pictures: np.ndarray) -> None:
    ((network,), _, _) = apply_plan(toy, "backbone/mix", Plan(), pictures)
    kernels = {
        network.tensors[operator.outputs[0]].name: network.constant(operator.inputs[1]).dtype
        for operator in network.operators
        if network.kind(operator) == "CONV_2D"
    }
    # The head's 1x1 kernel of 96 weights is too small for dynamic quantization to pay.
    assert kernels == {
        "backbone/down": np.int8,
        "backbone/mix": np.int8,
        "head/conv": np.int8,
        "head/last": np.float32,
    }


def test_files_take_and_give_floats(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    plan = Plan(backbone="static_wi8_ai8", head="static_wi8_ai8")
    network = Network.read(quantize(toy_file, plan, pictures, tmp_path / "q")[0])
    assert network.tensors[network.inputs()["ldr"]].type == network.tensors[network.outputs()["hdr"]].type == 0


@pytest.mark.parametrize("scheme", ["static_wi4_ai8", "static_wi8_ai8", "static_wi8_ai16"])
def test_features_that_vanish_can_be_quantized(
    toy_file: Path, pictures: np.ndarray, tmp_path: Path, scheme: Scheme
) -> None:
    network = Network.read(toy_file)
    for operator in network.operators[:1]:  # As in a network that nobody has trained yet.
        operator.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.RELU6
        for index in operator.inputs[1:]:
            network.set_constant(index, network.constant(index) * np.float32(1e-9))
    network.write(toy_file)
    files = quantize(toy_file, Plan(backbone=scheme, head="float32"), pictures, tmp_path / "q")
    assert np.abs(_run(files, pictures[:1]) - _run((toy_file,), pictures[:1])).max() < 0.05


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


@pytest.mark.slow
@pytest.mark.parametrize("scheme", get_args(Scheme))
def test_ten_lines_run_it(toy_file: Path, pictures: np.ndarray, tmp_path: Path, scheme: Scheme) -> None:
    plan = Plan(backbone="static_wi8_ai16", head=scheme, layout="pair")
    files = quantize(toy_file, plan, pictures, tmp_path / "q")

    values = {"ldr": pictures[:1]}
    for file in files:
        runner = Interpreter(model_path=str(file)).get_signature_runner()
        values |= runner(**{name: values[name] for name in runner.get_input_details()})
    assert values["hdr"].shape == (1, SIZE, SIZE, 3)
    np.testing.assert_array_equal(values["hdr"], _run(files, pictures[:1]))


def test_a_cut_beside_a_skip_is_for_one_file(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    network = Network.read(toy_file)
    picture = network.index("ldr")
    shade = network.add_tensor("backbone/shade", (1, SIZE, SIZE, 3), like=picture)
    for name in ("backbone/cat", "head/add"):  # Both sides read what the backbone makes of the picture.
        reader = network.producer(network.index(name))
        assert reader is not None
        reader.inputs = [shade if index == picture else index for index in reader.inputs]
    network.operators.insert(
        0, schema.OperatorT(opcodeIndex=network.operator_code("LOGISTIC"), inputs=[picture], outputs=[shade])
    )
    network.write(toy_file)
    plan = Plan(head="float32")
    with pytest.raises(PlanError, match=r"cannot be cut at 'backbone/mix': what follows also needs backbone/shade"):
        quantize(toy_file, replace(plan, layout="pair"), pictures, tmp_path / "pair")
    assert not (tmp_path / "pair").exists()
    quantized = Network.read(quantize(toy_file, plan, pictures, tmp_path / "fused")[0])
    types = {quantized.tensors[o.outputs[0]].name: quantized.tensors[o.outputs[0]].type for o in quantized.operators}
    assert (types["backbone/shade"], types["head/add"]) == (schema.TensorType.INT8, schema.TensorType.FLOAT32)


def test_a_file_of_the_other_layout_does_not_stay(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    quantize(toy_file, Plan(), pictures, tmp_path / "q")
    quantize(toy_file, Plan(layout="pair"), pictures, tmp_path / "q")
    assert {path.name for path in (tmp_path / "q").glob("*.tflite")} == {"backbone.tflite", "head.tflite"}
    assert not list((tmp_path / "q").glob(".*"))


def test_what_was_cut_short_has_no_name(
    toy_file: Path, pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Network, path: Path) -> Path:
        path.write_bytes(self.to_bytes()[:1000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Network, "write", full)
    with pytest.raises(OSError, match="No space left"):
        quantize(toy_file, Plan(), pictures, tmp_path / "q")
    assert not (tmp_path / "q" / "model.tflite").exists()


def test_how_ranges_were_found_lies_beside_the_file(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    quantize(toy_file, Plan(calibration="percentile"), pictures, tmp_path / "q")
    report = json.loads((tmp_path / "q" / "calibration.json").read_text())
    assert (report["algorithm"], report["pictures"], len(report["brightness"])) == ("percentile", 4, 4)
    quantize(toy_file, Plan(backbone="float32"), pictures, tmp_path / "float")
    assert not (tmp_path / "float" / "calibration.json").exists()


@pytest.mark.slow
def test_a_layer_that_has_died_does_not_stop_the_file(toy: Network, pictures: np.ndarray) -> None:
    dead = toy.copy()
    index = dead.index("constant/backbone/down/bias")
    dead.set_constant(index, np.full(dead.constant(index).shape, -100, np.float32))  # Its ReLU gives nothing.
    (quantized,), _, _ = apply_plan(dead, "backbone/mix", Plan(), pictures)
    found = run(open_interpreter(quantized.to_bytes()), {"ldr": pictures[:1]})["hdr"]
    np.testing.assert_allclose(found, run(open_interpreter(dead.to_bytes()), {"ldr": pictures[:1]})["hdr"], atol=0.05)
