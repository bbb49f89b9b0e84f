from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tests.export.small_graphs import FLOAT, Graph, outputs

from mqn.errors import ExportError
from mqn.export.lower.doubling import lower_nearest
from mqn.infer.interpreter import open_interpreter, run
from mqn.tflite.facts import FIXED_SIZE, Facts, read_facts, write_facts
from mqn.tflite.flatbuffer import Network
from mqn.tflite.resize import resize_network, retarget


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
    with pytest.raises(ExportError, match=r"hdr: cannot resize SOFTMAX; known: ABS, ADD"):
        retarget(network.write(tmp_path / "a.tflite"), tmp_path / "b.tflite", 64, 64)


def test_a_file_says_of_which_numbers_sides_are_multiples(toy: Network, tmp_path: Path) -> None:
    network = toy.copy()
    write_facts(network, Facts(stride=48))
    file = network.write(tmp_path / "a.tflite")
    with pytest.raises(ExportError, match="32 x 96 is no size that the network takes; give multiples of 48 pixels"):
        retarget(file, tmp_path / "b.tflite", 32, 96)
    assert read_facts(Network.read(retarget(file, tmp_path / "b.tflite", 48, 96))) == Facts(stride=48)


@pytest.mark.parametrize("fixed", [False, True])
def test_a_resize_keeps_its_factor_or_its_size(fixed: bool) -> None:
    graph = Graph(FLOAT, (1, 32, 32, 3))
    network = graph.finish(graph.double(graph.start, "big"))
    if fixed:
        network.tensors[network.index("big/size")].name = f"{FIXED_SIZE}/big"
    resize_network(network, 64, 32)
    assert list(network.tensors[network.outputs()["hdr"]].shape) == ([1, 64, 64, 3] if fixed else [1, 128, 64, 3])


def test_a_dilation_stays_and_pictures_one_below_the_other_move_apart() -> None:
    graph = Graph(FLOAT, (1, 32, 32, 3))
    one = graph.convolve(graph.start, "one", 4, kernel=3)
    network = graph.finish(graph.convolve(one, "two", 4, kernel=3))
    first, second = network.operators
    first.builtinOptions.dilationHFactor = first.builtinOptions.dilationWFactor = 2
    resize_network(network, 64, 96)
    assert (first.builtinOptions.dilationHFactor, second.builtinOptions.dilationHFactor) == (2, 1)
    assert outputs(network, (1, 64, 96, 3)).shape == (1, 64, 96, 4)


@pytest.mark.parametrize(
    ("kind", "options", "values", "size"),
    [
        ("AVERAGE_POOL_2D", "Pool2DOptions", {"padding": 1, "filterHeight": 3, "filterWidth": 3}, (15, 31)),
        ("AVERAGE_POOL_2D", "Pool2DOptions", {"padding": 0, "filterHeight": 3, "filterWidth": 3}, (16, 32)),
        ("DEPTH_TO_SPACE", "DepthToSpaceOptions", {"blockSize": 2}, (64, 128)),
    ],
)
def test_other_operators_of_networks(kind: str, options: str, values: dict[str, int], size: tuple[int, int]) -> None:
    graph = Graph(FLOAT, (1, 32, 32, 4))
    if kind == "AVERAGE_POOL_2D":
        values = {**values, "strideH": 2, "strideW": 2}
    shape = (1, size[0], size[0], 1 if kind == "DEPTH_TO_SPACE" else 4)
    network = graph.finish(graph.add(kind, [graph.start], "x", shape, options, **values))
    resize_network(network, 32, 64)
    assert outputs(network, (1, 32, 64, 4)).shape[1:3] == size
    assert tuple(network.tensors[network.outputs()["hdr"]].shape[1:3]) == size


@pytest.mark.parametrize(
    ("kind", "options", "values", "constant", "shape"),
    [
        ("SPLIT", "SplitOptions", {"numSplits": 2}, 3, (1, 16, 16, 2)),
        ("SPLIT", "SplitOptions", {"numSplits": 2}, 1, (1, 8, 16, 4)),
        ("TRANSPOSE", "TransposeOptions", {}, (0, 3, 1, 2), (1, 4, 16, 16)),
        ("SUM", "ReducerOptions", {"keepDims": False}, (3,), (1, 16, 16)),
        ("SUM", "ReducerOptions", {"keepDims": True}, (1,), (1, 1, 16, 4)),
    ],
)
def test_operators_along_an_axis(
    kind: str, options: str, values: dict[str, int], constant: int | tuple[int, ...], shape: tuple[int, ...]
) -> None:
    graph = Graph(FLOAT, (1, 16, 16, 4))
    axis = graph.network.add_constant("axis", np.array(constant, np.int32))
    inputs = [axis, graph.start] if kind == "SPLIT" else [graph.start, axis]
    found = graph.add(kind, inputs, "x", shape, options, **values)
    network = graph.finish(found)
    if kind == "SPLIT":
        network.operators[0].outputs = [found, network.add_tensor("y", shape, like=found)]
    resize_network(network, 32, 64)
    assert outputs(network, (1, 32, 64, 4)).shape == tuple(network.tensors[found].shape)


def test_a_look_up_has_as_many_places_as_the_picture() -> None:
    graph = Graph(FLOAT, (1, 16, 16, 3))
    table = graph.network.add_constant("table", np.zeros((1, 500, 2), np.float32))
    flat = graph.network.add_constant("axis", np.array([3], np.int32))
    squares = graph.add("SQUARE", [graph.start], "squares", (1, 16, 16, 3), "SquareOptions")
    places = graph.add("SUM", [squares, flat], "sum", (1, 16, 16), "ReducerOptions", keepDims=False)
    places = graph.add("CAST", [places], "cast", (1, 16, 16), "CastOptions")
    graph.network.tensors[places].type = schema.TensorType.INT32
    found = graph.add("GATHER", [table, places], "x", (1, 16, 16, 2), "GatherOptions", axis=1, batchDims=1)
    network = graph.finish(found)
    resize_network(network, 32, 64)
    assert outputs(network, (1, 32, 64, 3)).shape == (1, 32, 64, 2) == tuple(network.tensors[found].shape)


@pytest.mark.parametrize(
    ("begin", "end", "masks", "before", "after"),
    [
        ((0, 1, 0, 0), (0, 2, 0, 0), (0b1101, 0b1101), (1, 16), (1, 64)),
        ((0, -2, 0, 0), (0, -1, 0, 0), (0b1101, 0b1101), (1, 16), (1, 64)),
        ((0, 2, -3, 0), (0, -1, 0, 0), (0b1001, 0b1101), (13, 3), (29, 3)),
    ],
)
def test_a_slice_counts_from_the_same_end(
    begin: tuple[int, ...],
    end: tuple[int, ...],
    masks: tuple[int, int],
    before: tuple[int, int],
    after: tuple[int, int],
) -> None:
    graph = Graph(FLOAT, (1, 16, 16, 4))
    places = {"begin": begin, "end": end, "step": (1, 1, 1, 1)}
    inputs = [graph.network.add_constant(name, np.array(value, np.int32)) for name, value in places.items()]
    options = dict(zip(("beginMask", "endMask"), masks, strict=True))
    cut = graph.add("STRIDED_SLICE", [graph.start, *inputs], "x", (1, *before, 4), "StridedSliceOptions", **options)
    network = graph.finish(cut)
    resize_network(network, 32, 64)
    assert outputs(network, (1, 32, 64, 4)).shape == (1, *after, 4)
    assert tuple(network.tensors[network.outputs()["hdr"]].shape) == (1, *after, 4)
