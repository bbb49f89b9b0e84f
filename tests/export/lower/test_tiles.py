from __future__ import annotations

import numpy as np
import pytest
from tests.export.small_graphs import FLOAT, INT8, Graph, kinds, outputs

from mqn.export.lower.joined_pixels import convolve_pairs
from mqn.export.lower.tiles import fill_tiles
from mqn.tflite.flatbuffer import Network
from mqn.tflite.resize import resize_network


def _layer(out: int, kernel: int, shape: tuple[int, ...], channels: int = 16, kind: int = INT8) -> Network:
    """A convolution between two others that fill their tiles, or are the edges of the file."""
    graph = Graph(kind, shape)
    inner = graph.convolve(graph.convolve(graph.start, "first", channels), "inner", out, kernel=kernel)
    return graph.finish(graph.convolve(inner, "last", 7))


def _kernel(network: Network, name: str) -> list[int]:
    producer = next(o for o in network.operators if network.tensors[o.outputs[0]].name == name)
    if network.kind(producer) == "RESHAPE":
        producer = network.producer(producer.inputs[0])
    return list(network.tensors[producer.inputs[1]].shape)


@pytest.mark.parametrize(
    ("channels", "out", "fold"),
    [(16, 12, 4), (8, 48, 4), (3, 3, 16), (32, 16, 2), (16, 32, 2), (48, 40, 1), (64, 64, 1)],
)
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("batch", [1, 2])
def test_tiles_are_filled_with_neighbours(channels: int, out: int, fold: int, kernel: int, batch: int) -> None:
    shape = (batch, 3, 32, 64)
    network = _layer(out, kernel, shape, channels)
    expected = outputs(network, shape)
    fill_tiles(network)
    assert _kernel(network, "inner") == [fold * out, kernel, kernel, fold * channels]
    np.testing.assert_array_equal(outputs(network, shape), expected)
    assert fill_tiles(network) == 0


def test_a_stem_in_pairs_is_folded_further() -> None:
    graph = Graph(INT8, (1, 32, 64, 3))
    network = graph.finish(graph.convolve(graph.convolve(graph.start, "stem", 16, kernel=3, stride=2), "last", 64))
    expected = outputs(network, graph.shape)
    assert (convolve_pairs(network), fill_tiles(network)) == (1, 1)
    assert _kernel(network, "stem") == [4 * 16, 3, 2, 4 * 6]
    np.testing.assert_array_equal(outputs(network, graph.shape), expected)


def test_what_is_folded_can_be_resized() -> None:
    network = _layer(12, 3, (1, 64, 64, 3))
    lowered = network.copy()
    assert fill_tiles(lowered) > 0
    for height, width in ((64, 64), (32, 96), (96, 32)):
        for either in (network, lowered):
            resize_network(either, height, width)
        shape = (1, height, width, 3)
        np.testing.assert_array_equal(outputs(lowered.copy(), shape), outputs(network.copy(), shape))


@pytest.mark.parametrize(("kind", "width"), [(FLOAT, 32), (INT8, 7)])
def test_floats_and_odd_widths_stay(kind: int, width: int) -> None:
    network = _layer(12, 3, (1, 4, width, 3), kind=kind)
    before = kinds(network)
    assert fill_tiles(network) == 0
    assert kinds(network) == before
