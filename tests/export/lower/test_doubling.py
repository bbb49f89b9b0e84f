from __future__ import annotations

import numpy as np
import pytest
from tests.export.small_graphs import FLOAT, INT8, Graph, kinds, outputs

from mqn.export.lower.doubling import lower_nearest
from mqn.tflite.flatbuffer import Network
from mqn.tflite.resize import resize_network


@pytest.mark.parametrize("kind", [FLOAT, INT8])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 5, 3, 4), (2, 3, 7, 5), (3, 8, 2, 16)])
def test_rows_beside_themselves_are_the_same_numbers(kind: int, shape: tuple[int, ...]) -> None:
    graph = Graph(kind, shape)
    twice = graph.double(graph.double(graph.start, "once"), "twice")
    network = graph.finish(twice)
    lowered = network.copy()
    assert lower_nearest(lowered) == 2
    expected = outputs(network, shape)
    assert expected.shape == (shape[0], 4 * shape[1], 4 * shape[2], shape[3])
    np.testing.assert_array_equal(outputs(lowered, shape), expected)
    assert "RESIZE_NEAREST_NEIGHBOR" not in kinds(lowered)
    assert lower_nearest(lowered) == 0


def test_what_is_doubled_may_be_an_output_too() -> None:
    graph = Graph(FLOAT, (1, 4, 6, 3))
    up = graph.double(graph.convolve(graph.start, "mix", 5), "up")
    network = graph.finish(graph.convolve(up, "last", 2))
    network.set_edges(network.inputs(), {**network.outputs(), "up": network.index("up")})
    expected = outputs(network, graph.shape)
    assert lower_nearest(network) == 1
    np.testing.assert_allclose(outputs(network, graph.shape), expected, atol=1e-6)
    assert set(network.outputs()) == {"hdr", "up"}


def test_other_factors_stay(toy: Network) -> None:
    network = toy.copy()
    network.tensors[network.index("backbone/up")].shape = [1, 48, 48, 4]
    assert lower_nearest(network) == 0


@pytest.mark.parametrize("kind", [FLOAT, INT8])
@pytest.mark.parametrize("first", [32, 64, 96])
def test_another_size_grows_the_rows(kind: int, first: int) -> None:
    graph = Graph(kind, (1, first, first, 3))
    coarse = graph.start
    for step in range(5):
        coarse = graph.convolve(coarse, f"down_{step}", 4, kernel=3, stride=2)
    network = graph.finish(graph.double(graph.double(coarse, "up"), "up_again"))
    lowered = network.copy()
    lower_nearest(lowered)
    shape = (1, 64, 160, 3)
    for either in (network, lowered):
        resize_network(either, *shape[1:3])
    np.testing.assert_array_equal(outputs(lowered.copy(), shape), outputs(network.copy(), shape))
