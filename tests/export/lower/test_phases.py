from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tests.export.small_graphs import FLOAT, INT8, Graph, kinds, outputs

from mqn.export.lower.phases import convolve_in_phases
from mqn.export.quantize.quantization import apply_plan
from mqn.infer.interpreter import open_interpreter, run
from mqn.records import Plan, Scheme
from mqn.tflite.flatbuffer import Network
from mqn.tflite.resize import resize_network

SIZE = (6, 10)


def _decoder_end(
    kind: int, features: int, beside: int = 3, out: int = 5, batch: int = 1, size: tuple[int, int] = SIZE
) -> Network:
    graph = Graph(kind, (batch, *size, beside))
    coarse = graph.convolve(graph.start, "coarse", features, kernel=3, stride=2)
    joined = graph.join([graph.double(coarse, "up"), graph.start], "cat")
    return graph.finish(graph.convolve(joined, "mix", out))


@pytest.mark.parametrize("kind", [FLOAT, INT8])
@pytest.mark.parametrize(
    ("features", "beside", "out", "batch", "size"),
    # Both pixels of a pair fit into the features' channels; just; one does; just; all of it with one channel.
    [(8, 3, 4, 1, SIZE), (6, 3, 16, 2, (2, 2)), (5, 3, 3, 3, (4, 2)), (3, 3, 7, 1, SIZE), (2, 1, 1, 2, (2, 14))],
)
def test_the_same_numbers_before_spreading(
    kind: int, features: int, beside: int, out: int, batch: int, size: tuple[int, int]
) -> None:
    network = _decoder_end(kind, features, beside, out, batch, size)
    shape = (batch, *size, beside)
    expected = outputs(network, shape)
    assert len(np.unique(expected)) > 4
    assert convolve_in_phases(network) == 1
    assert "RESIZE_NEAREST_NEIGHBOR" not in kinds(network)
    np.testing.assert_allclose(outputs(network, shape), expected, atol=0 if kind == INT8 else 1e-6)
    assert convolve_in_phases(network) == 0


@pytest.mark.parametrize("scheme", ["float32", "float16", "static_wi8_ai8", "static_wi8_ai16", "static_wi4_ai8"])
def test_the_same_numbers_under_every_scheme(toy: Network, pictures: np.ndarray, scheme: Scheme) -> None:
    (network,), _, _ = apply_plan(toy, "backbone/mix", Plan(backbone=scheme, head="float32"), pictures)
    expected = run(open_interpreter(network.to_bytes()), {"ldr": pictures[:1]})["hdr"]
    wide = scheme in ("static_wi8_ai16", "static_wi4_ai8")
    assert convolve_in_phases(network) == (0 if wide else 1)
    found = run(open_interpreter(network.to_bytes()), {"ldr": pictures[:1]})["hdr"]
    np.testing.assert_allclose(found, expected, atol=0 if scheme.startswith("static") else 1e-6)


@pytest.mark.parametrize("kind", [FLOAT, INT8])
def test_another_size_moves_the_taps(kind: int) -> None:
    network = _decoder_end(kind, 8, size=(32, 64))
    lowered = network.copy()
    convolve_in_phases(lowered)
    for height, width in ((96, 32), (32, 64), (64, 160)):
        shape = (1, height, width, 3)
        for either in (network, lowered):
            resize_network(either, height, width)
        expected, found = outputs(network.copy(), shape), outputs(lowered.copy(), shape)
        np.testing.assert_allclose(found, expected, atol=0 if kind == INT8 else 1e-6)


def test_not_where_zeros_would_be_most_of_the_work() -> None:
    assert convolve_in_phases(_decoder_end(FLOAT, features=8, beside=9)) == 0


@pytest.mark.parametrize("which", ["up", "cat"])
def test_not_where_something_else_reads_what_would_be_gone(which: str) -> None:
    network = _decoder_end(FLOAT, features=8)
    network.set_edges(network.inputs(), {**network.outputs(), which: network.index(which)})
    assert convolve_in_phases(network) == 0


def test_not_with_16_bit_integers_that_are_made_of_8_bits(toy: Network, pictures: np.ndarray) -> None:
    plan = Plan(backbone="static_wi8_ai8", head="float32", rules="backbone.mix=static_wi8_ai16")
    (network,), _, _ = apply_plan(toy, "backbone/mix", plan, pictures)
    expected = run(open_interpreter(network.to_bytes()), {"ldr": pictures[:1]})["hdr"]
    assert schema.TensorType.INT16 in {tensor.type for tensor in network.tensors}
    convolve_in_phases(network)
    found = run(open_interpreter(network.to_bytes()), {"ldr": pictures[:1]})["hdr"]
    np.testing.assert_array_equal(found, expected)
