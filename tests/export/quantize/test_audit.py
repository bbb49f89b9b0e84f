from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mqn.errors import ModelFileError
from mqn.export.quantize.audit import AuditedKind, audit, audit_file, delegation
from mqn.export.quantize.quantization import apply_plan, quantize
from mqn.parsing import from_mapping, to_plain
from mqn.records import Plan
from mqn.tflite.flatbuffer import Network


def _node(name: str, inputs: list[int], outputs: list[int]) -> dict[str, object]:
    return {"op_name": name, "inputs": np.array(inputs), "outputs": np.array(outputs)}


def test_what_lies_between_a_delegates_ends_is_taken() -> None:
    # 0 -A-> 1 -B-> 2 -C-> 3 -D-> 4, weights 9; the delegate has A, B and D.
    graph = [_node(name, [i, 9], [i + 1]) for i, name in enumerate("ABCD")]
    partitions = [_node("DELEGATE", [0, 9], [2]), _node("DELEGATE", [3, 9], [4])]
    assert delegation([*graph, *partitions]) == ({0, 1, 3}, 2)
    assert delegation(graph) == (set(), 0)


def test_a_float_file(toy: Network) -> None:
    found = audit(toy, "toy.tflite")
    assert (found.file, found.operators, found.size_bytes) == ("toy.tflite", 8, len(toy.to_bytes()))
    # The delegate leaves nearest resizing to the runtime, which parts the graph.
    assert [(one.kind, one.name) for one in found.outside] == [("RESIZE_NEAREST_NEIGHBOR", "backbone/up")]
    assert (found.delegated, found.partitions) == (7, 2)
    assert found.kinds[0] == AuditedKind(
        kind="CONV_2D", inputs="float32", weights="float32", outputs="float32", count=4, delegated=4
    )
    assert (found.quantize, found.dequantize, found.requantize) == (0, 0, 0)
    kernels = 8 * 27 + 4 * 11 + 32 * 36 + 3 * 32
    assert found.bytes_by_kind["kernel float32"] == 4 * kernels
    assert found.bytes_by_kind["bias float32"] == 4 * (8 + 4 + 32 + 3)
    assert found.bytes_by_kind["shape and other constants"] == 8
    assert sum(found.bytes_by_kind.values()) == found.size_bytes


def test_types_are_told_apart(toy: Network, pictures: np.ndarray) -> None:
    plan = Plan(backbone="static_wi8_ai8", head="static_wi8_ai16", rules="head.conv=static_wi4_ai8; head.last=float16")
    ((network,), _, _) = apply_plan(toy, "backbone/mix", plan, pictures)
    found = audit(network, "toy.tflite")
    convolutions = {(one.inputs, one.weights, one.outputs): one for one in found.kinds if one.kind == "CONV_2D"}
    assert {types: one.count for types, one in convolutions.items()} == {
        ("int8", "int8", "int8"): 2,
        ("int8", "int4", "int8"): 1,
        ("float32", "float32", "float32"): 1,
    }
    assert convolutions["int8", "int4", "int8"].delegated == 0
    assert found.bytes_by_kind["kernel int4"] == 32 * 36 // 2
    assert found.bytes_by_kind["kernel float16"] == 2 * 3 * 32
    # The picture for both sides and what head.last computes; hdr and what head.conv computes.
    assert (found.quantize, found.dequantize) == (3, 2)


def test_a_change_of_scale_is_counted(toy: Network, pictures: np.ndarray) -> None:
    plan = Plan(backbone="static_wi8_ai8", head="float32", rules="mix=static_wi8_ai16")
    ((network,), _, _) = apply_plan(toy, "backbone/mix", plan, pictures)
    assert audit(network, "toy.tflite").requantize == 1


def test_it_lies_beside_the_files(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    files = quantize(toy_file, Plan(layout="pair"), pictures, tmp_path / "q")
    written = json.loads((tmp_path / "q" / "audit.json").read_text())
    assert written == [to_plain(audit_file(file)) for file in files]
    assert [one["file"] for one in written] == ["backbone.tflite", "head.tflite"]
    assert from_mapping(type(audit_file(files[0])), written[0], source="test") == audit_file(files[0])


def test_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "x.tflite").write_bytes(b"1234TFL3")
    with pytest.raises(ModelFileError, match="damaged"):
        audit_file(tmp_path / "x.tflite")


def test_a_kernel_without_a_bias_takes_no_other_tensor_for_it(toy: Network) -> None:
    network = toy.copy()
    last = next(operator for operator in network.operators if network.tensors[operator.outputs[0]].name == "head/last")
    last.opcodeIndex = network.operator_code("FULLY_CONNECTED", 5)
    last.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    last.builtinOptions = schema.FullyConnectedOptionsT(keepNumDims=True)
    network.tensors[last.inputs[1]].shape = [3, 32]
    last.inputs = [*last.inputs[:2], -1]
    network.add_constant("constant/more", np.arange(100))  # The last tensor, which index -1 would name in Python.
    found = audit(network, "toy.tflite").bytes_by_kind
    assert found["bias float32"] == 4 * (8 + 4 + 32)
    assert "bias int32" not in found
