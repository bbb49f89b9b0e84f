from __future__ import annotations

import numpy as np
import pytest
from tests.export.small_graphs import FLOAT, INT8, Graph, kinds, outputs

from mqn.export.lower.joined_pixels import convolve_pairs
from mqn.tflite.flatbuffer import Network
from mqn.tflite.resize import resize_network


def _narrow(kind: int, out: int, shape: tuple[int, ...], channels: int = 6) -> Network:
    graph = Graph(kind, shape)
    narrow = graph.convolve(graph.convolve(graph.start, "wide", channels, kernel=3), "narrow", out)
    return graph.finish(graph.convolve(narrow, "last", 20, kernel=3))


def _kernel(network: Network, name: str) -> list[int]:
    producer = next(o for o in network.operators if network.tensors[o.outputs[0]].name == name)
    if network.kind(producer) == "RESHAPE":
        producer = network.producer(producer.inputs[0])
    return list(network.tensors[producer.inputs[1]].shape)


@pytest.mark.parametrize("kind", [FLOAT, INT8])
@pytest.mark.parametrize(("channels", "out"), [(3, 16), (1, 5), (4, 8)])
@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 7, 6), (1, 1, 2)])
def test_a_stem_reads_pairs(kind: int, channels: int, out: int, shape: tuple[int, ...]) -> None:
    graph = Graph(kind, (*shape, channels))
    network = graph.finish(graph.convolve(graph.start, "stem", out, kernel=3, stride=2))
    expected = outputs(network, graph.shape)
    assert convolve_pairs(network) == 1
    assert _kernel(network, "hdr") == [out, 3, 2, 2 * channels]
    np.testing.assert_allclose(outputs(network, graph.shape), expected, atol=0 if kind == INT8 else 1e-6)
    assert convolve_pairs(network) == 0


@pytest.mark.parametrize(
    ("kind", "out", "fold"), [(FLOAT, 4, 2), (FLOAT, 3, 2), (FLOAT, 1, 8), (INT8, 8, 2), (INT8, 5, 2), (INT8, 3, 4)]
)
@pytest.mark.parametrize("batch", [1, 2])
def test_a_block_of_channels_is_filled_with_neighbours(kind: int, out: int, fold: int, batch: int) -> None:
    shape = (batch, 3, 32, 3)
    network = _narrow(kind, out, shape)
    expected = outputs(network, shape)
    assert convolve_pairs(network) == 1
    assert _kernel(network, "narrow") == [fold * out, 1, 1, fold * 6]
    np.testing.assert_allclose(outputs(network, shape), expected, atol=0 if kind == INT8 else 1e-6)
    assert convolve_pairs(network) == 0


@pytest.mark.parametrize(("kind", "out"), [(FLOAT, 5), (FLOAT, 6), (INT8, 9)])
def test_channels_that_fill_more_than_half_a_block_stay(kind: int, out: int) -> None:
    assert convolve_pairs(_narrow(kind, out, (1, 3, 32, 3))) == 0


def test_no_more_neighbours_than_the_narrowest_picture_has() -> None:
    graph = Graph(FLOAT, (1, 64, 64, 3))
    result = graph.start
    for scale in (2, 4, 8, 16, 32):
        narrow = graph.convolve(result, f"narrow_{scale}", 1)
        result = graph.convolve(narrow, f"one_of_{scale}", 9, kernel=3, stride=2)
    network = graph.finish(graph.convolve(graph.convolve(result, "narrow_end", 1), "last", 9, kernel=3))
    lowered = network.copy()
    assert convolve_pairs(lowered) == 4 + 5
    # Of 32 pixels there are 16, 8, 4, 2 and 1; the first narrow one reads the file's input.
    narrow_ones = [*(f"narrow_{scale}" for scale in (2, 4, 8, 16, 32)), "narrow_end"]
    assert [_kernel(lowered, name)[0] for name in narrow_ones] == [1, 8, 8, 4, 2, 1]
    # One channel at stride 2 is read in pairs: down to two pixels of 32.
    assert [_kernel(lowered, f"one_of_{scale}")[2] for scale in (2, 4, 8, 16, 32)] == [2] * 5
    for height, width in ((64, 64), (96, 32), (32, 160)):
        shape = (1, height, width, 3)
        for either in (network, lowered):
            resize_network(either, height, width)
        np.testing.assert_allclose(outputs(lowered.copy(), shape), outputs(network.copy(), shape), atol=1e-6)


@pytest.mark.parametrize("which", ["wide", "narrow"])
def test_not_where_a_view_would_be_a_copy(which: str) -> None:
    network = _narrow(FLOAT, 3, (1, 3, 32, 3))
    network.set_edges(network.inputs(), {**network.outputs(), which: network.index(which)})
    assert convolve_pairs(network) == 0


def test_an_odd_width_has_no_pairs() -> None:
    graph = Graph(FLOAT, (1, 6, 7, 3))
    network = graph.finish(graph.convolve(graph.start, "stem", 4, kernel=3, stride=2))
    assert convolve_pairs(network) == 0
    assert kinds(network) == ["CONV_2D"]
