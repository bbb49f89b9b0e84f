"""Networks of papers that have no weights to load: their sizes are the published networks', in use."""

from __future__ import annotations

import pytest
import torch

from mqn.families.contract import build_network, find_family
from mqn.networks.cost import cost

PUBLISHED_SIDE = 256


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "side", "parameters", "gmacs"),
    [("twostage", 8, 834_476, 54.63), ("deephdr", 128, 25_770_964, 18.94 - 0.1186)],
)
def test_counts_are_the_published_ones(name: str, side: int, parameters: int, gmacs: float) -> None:
    # The published DeepHDR makes a mask behind its last layer, 1,809 weights at every pixel, that nothing reads.
    # All layers convolve the picture or a part of it, so that their work grows with its pixels.
    arch = find_family(name).arch(input_size=side)
    network = build_network(arch)
    counted = cost(network, arch)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert counted.parameters["total"] == parameters
    assert counted.macs["total"] * (PUBLISHED_SIDE / side) ** 2 / 1e9 == pytest.approx(gmacs, rel=0.005)


@pytest.mark.parametrize(
    ("name", "wrong"), [("twostage", 63), ("twostage", 0), ("twostage", 258), ("deephdr", 0), ("deephdr", 257)]
)
def test_widths_have_a_range(name: str, wrong: int) -> None:
    with pytest.raises(ValueError, match=f"features {wrong} must be"):
        find_family(name).arch(features=wrong)  # type: ignore[call-arg]


@pytest.mark.parametrize(("name", "features"), [("twostage", 8), ("deephdr", 2)])
def test_a_narrow_network_works_for_any_number_of_pictures(name: str, features: int) -> None:
    family = find_family(name)
    side = family.stride * max(1, 16 // family.stride)
    network = build_network(family.arch(features=features, input_size=side)).eval()  # type: ignore[call-arg]
    pictures = torch.rand(3, 3, side, 2 * side)
    with torch.no_grad():
        torch.testing.assert_close(network(pictures)[1:2], network(pictures[1:2]))
