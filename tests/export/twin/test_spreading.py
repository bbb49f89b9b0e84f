from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mqn.export.twin.spreading import convolve_vectors_once
from mqn.export.twin.values import node_values
from mqn.networks.graph import trace


class _Fused(nn.Module):
    """Features of two branches and a vector, side by side in some order, convolved pixel by pixel."""

    def __init__(self, order: tuple[int, ...], kernel: int = 1) -> None:
        super().__init__()
        self.order = order
        self.features, self.summary = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 2, 8)
        self.mix = nn.Conv2d(sum((3, 4, 2)[part] for part in order), 5, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        spread = self.summary(x).expand(-1, -1, x.shape[2], x.shape[3])
        parts = [x, self.features(x), spread]
        return self.mix(torch.cat([parts[part] for part in self.order], 1))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2), (2, 1, 2)])
def test_the_same_numbers_without_a_spread_vector(order: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = _Fused(order).eval()
    traced, _ = trace(network)
    replaced = convolve_vectors_once(traced, node_values(traced, 8).shapes)
    assert replaced == {"mix": "add"}
    assert not any(node.target == "expand" for node in traced.graph.nodes)
    x = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(traced(x), network(x))


@pytest.mark.parametrize(("order", "kernel"), [((0, 1), 1), ((0, 1, 2), 3)])
def test_what_reads_neighbours_or_no_vector_stays(order: tuple[int, ...], kernel: int) -> None:
    traced, _ = trace(_Fused(order, kernel).eval())
    assert convolve_vectors_once(traced, node_values(traced, 8).shapes) == {}


def test_sizes_and_weights_are_known_before_any_picture() -> None:
    traced, _ = trace(_Fused((0, 1, 2)).eval())
    known = node_values(traced, 8)
    values = {node.name: value for node, value in known.constants.items()}
    assert [value for value in values.values() if isinstance(value, int)] == [8, 8]
    assert {node.name: shape for node, shape in known.shapes.items()}["expand"] == (1, 2, 8, 8)
