from __future__ import annotations

import contextlib
import random
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tests.support.tflite_models import convolutions

from mqn.errors import ModelFileError
from mqn.tflite.flatbuffer import Network


def test_names_kinds_and_edges(toy: Network) -> None:
    assert [toy.kind(operator) for operator in toy.operators] == [
        "CONV_2D",
        "RESIZE_NEAREST_NEIGHBOR",
        "CONCATENATION",
        "CONV_2D",
        "CONV_2D",
        "CONV_2D",
        "ADD",
        "LOGISTIC",
    ]
    assert toy.inputs() == {"ldr": toy.index("ldr")}
    assert toy.outputs() == {"hdr": toy.index("hdr")}
    assert toy.producer(toy.index("backbone/cat")) is toy.operators[2]
    assert toy.producer(toy.index("ldr")) is None


def test_constants_are_aligned_in_the_file(toy: Network) -> None:
    content = toy.to_bytes()
    kernel = toy.constant(toy.index("constant/head/conv/kernel"))
    assert kernel is not None
    assert content.index(kernel.tobytes()) % 16 == 0


def test_constant_of_its_own(toy: Network) -> None:
    network = toy.copy()
    network.set_constant(network.index("constant/size"), np.array((6, 8), np.int32))
    again = Network.from_bytes(network.to_bytes())
    assert again.constant(again.index("constant/size")).tolist() == [6, 8]
    assert toy.constant(toy.index("constant/size")).tolist() == [32, 32]


def test_a_copy_is_changed_by_itself(toy: Network) -> None:
    before = toy.to_bytes()
    network = toy.copy()
    assert network.to_bytes() == before
    network.tensors[0].name = "other"
    network.operators[0].inputs[1] = 0
    network.operators[0].builtinOptions.strideW = 7
    network.operator_code("CONV_2D", version=9)
    network.add_constant("more", np.arange(4))
    network.set_edges({"x": 0}, {"y": 1})
    assert toy.to_bytes() == before


def test_unused_parts_are_dropped(toy: Network) -> None:
    network = toy.copy()
    network.set_edges({"ldr": network.index("ldr")}, {"down": network.index("backbone/down")})
    network.drop_unused()
    assert {tensor.name for tensor in network.tensors} == {
        "ldr",
        "backbone/down",
        "constant/backbone/down/kernel",
        "constant/backbone/down/bias",
    }
    assert len(network.model.buffers) == 4  # nothing, kernel, bias, and what the file says of its network


@pytest.mark.parametrize("size", [0, 3, 200])
def test_what_is_no_tflite_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(b"\x07" * size)
    with pytest.raises(ModelFileError, match=f"x.tflite is no TFLite file \\({size} bytes\\)"):
        Network.read(path)


def test_truncated_file_is_named(toy_file: Path) -> None:
    content = toy_file.read_bytes()
    toy_file.write_bytes(content[: len(content) // 3])
    with pytest.raises(ModelFileError, match=r"model.float32.tflite is damaged"):
        Network.read(toy_file)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"absent\.tflite"):
        Network.read(tmp_path / "absent.tflite")


def test_changed_bytes_end_in_one_line_or_in_a_network() -> None:
    good, generator = convolutions(8, 4), random.Random(1)
    for _ in range(300):
        harmed = bytearray(good)
        for _ in range(generator.randint(1, 6)):
            harmed[generator.randrange(len(harmed))] = generator.randrange(256)
        with contextlib.suppress(ModelFileError):
            Network.from_bytes(bytes(harmed))


def test_a_file_that_says_the_same_bytes_over_and_over_is_not_unpacked() -> None:
    builder = flatbuffers.Builder(0)
    data = builder.CreateByteVector(bytes(100_000))
    schema.BufferStart(builder)
    schema.BufferAddData(builder, data)
    buffer = schema.BufferEnd(builder)
    schema.ModelStartBuffersVector(builder, 20_000)
    for _ in range(20_000):
        builder.PrependUOffsetTRelative(buffer)
    buffers = builder.EndVector()
    schema.SubGraphStart(builder)
    graph = schema.SubGraphEnd(builder)
    schema.ModelStartSubgraphsVector(builder, 1)
    builder.PrependUOffsetTRelative(graph)
    graphs = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddSubgraphs(builder, graphs)
    schema.ModelAddBuffers(builder, buffers)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    with pytest.raises(ModelFileError, match="is damaged"):
        Network.from_bytes(bytes(builder.Output()))
