"""Trilinear look-up: by hand, at the border, and as one node of a traced network."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from mqn.networks.graph import trace
from mqn.networks.look_up import look_up

IDENTITY = [colour for b, g, r in itertools.product((0.0, 1.0), repeat=3) for colour in (r, g, b)]
"""The table of two bins that changes no colour, red the fastest."""


def tables(*entries: list[float]) -> Tensor:
    return torch.tensor(entries)[:, :, None, None]


def pixel(*colour: float) -> Tensor:
    return torch.tensor(colour).reshape(1, 3, 1, 1)


def test_the_table_of_its_own_colours_changes_none() -> None:
    picture = torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(look_up(picture, tables(IDENTITY, IDENTITY), 2), picture)


def test_a_colour_is_the_mean_of_its_eight_neighbours_by_distance() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(8, 3, generator=generator)
    found = look_up(pixel(0.25, 0.5, 0.9), values.reshape(1, 24, 1, 1), 2).flatten()
    red, green, blue = (0.75, 0.25), (0.5, 0.5), (0.1, 0.9)
    shares = torch.tensor([blue[b] * green[g] * red[r] for b, g, r in itertools.product((0, 1), repeat=3)])
    torch.testing.assert_close(found, shares @ values)


def test_entries_between_are_met_exactly_and_numbers_beyond_are_the_last() -> None:
    greys = [grey for place in itertools.product((0.0, 0.2, 0.9), repeat=3) for grey in (place[2], 0.0, 0.0)]
    for red, expected in ((0.0, 0.0), (0.5, 0.2), (0.75, 0.55), (1.0, 0.9), (1.5, 0.9), (-3.0, 0.0)):
        found = look_up(pixel(red, 0.3, 0.6), tables(greys), 3)
        assert found[0, 0, 0, 0].item() == pytest.approx(expected, abs=1e-6)


def test_each_picture_has_its_own_table() -> None:
    picture = torch.rand(1, 3, 4, 4)
    found = look_up(picture.expand(2, -1, -1, -1), tables(IDENTITY, [0.5] * 24), 2)
    torch.testing.assert_close(found, torch.cat((picture, torch.full_like(picture, 0.5))))


def test_gradients_go_to_the_entries_that_were_looked_up() -> None:
    entries = torch.zeros(1, 24, 1, 1, requires_grad=True)
    look_up(pixel(0.25, 0.0, 1.0), entries, 2).sum().backward()
    assert entries.grad is not None
    found = entries.grad.reshape(2, 2, 2, 3)
    expected = torch.zeros(2, 2, 2, 3)
    expected[1, 0, 0], expected[1, 0, 1] = 0.75, 0.25
    torch.testing.assert_close(found, expected)


class _LookUp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Conv2d(3, 24, 1)

    def forward(self, x: Tensor) -> Tensor:
        return look_up(x, self.table(x.mean((2, 3), keepdim=True)), 2)


def test_a_trace_has_it_as_one_node() -> None:
    network, picture = _LookUp(), torch.rand(2, 3, 4, 4)
    traced, _ = trace(network)
    assert [node.target for node in traced.graph.nodes if node.op == "call_function"] == [look_up]
    assert torch.equal(traced(picture), network(picture))
