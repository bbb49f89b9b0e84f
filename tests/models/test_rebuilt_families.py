"""Families rebuilt from their papers, whose authors' weights we do not have: sizes, costs, and what they compute."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from mqn.families.contract import build_network, find_family
from mqn.networks.cost import cost

SIDE = 64
"""All costs are by the pixel: those of 256 x 256 are 16 times as many."""

PUBLISHED = {"hdrunet": (1_651_494, 23.27), "fhdr": (571_267, 72.28)}
"""Parameters, and GMAC at 256 x 256 as counted in the authors' networks."""


def network_of(name: str, **fields: object) -> nn.Module:
    torch.manual_seed(0)
    return build_network(find_family(name).arch(**fields)).eval()  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones(name: str) -> None:
    parameters, gmacs = PUBLISHED[name]
    network = network_of(name)
    counted = cost(network, find_family(name).arch(input_size=SIDE))
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert counted.parameters["total"] == parameters
    found = 16 * counted.macs["total"] / 1e9
    if name == "fhdr":
        assert found == pytest.approx(69.75, abs=0.005)
        # The authors' network also makes a picture behind its first iteration, which is no result.
        found += sum(16 * layer.macs / 1e9 for layer in counted.layers if layer.name in ("hrb1", "hrb2"))
    assert found == pytest.approx(gmacs, abs=0.005)


@pytest.mark.slow
def test_iterations_share_weights() -> None:
    one, three = (
        cost(network_of("fhdr", iterations=count), find_family("fhdr").arch(input_size=SIDE)) for count in (1, 3)
    )
    assert one.parameters == three.parameters
    block = sum(layer.macs for layer in one.layers if layer.name.startswith("feedback_block"))
    assert three.macs["total"] - one.macs["total"] == 2 * block


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_fewer_features_cost_less(name: str) -> None:
    parameters, _ = PUBLISHED[name]
    half = cost(network_of(name, features=32), find_family(name).arch(input_size=SIDE, features=32))  # type: ignore[call-arg]
    assert half.parameters["total"] == pytest.approx(parameters / 4, rel=0.02)


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("hdrunet", {"features": 33}, "features 33 must be even, and 2 to 1024"),
        ("hdrunet", {"features": 2048}, "features 2048 must be even, and 2 to 1024"),
        ("hdrunet", {"input_size": 62}, "input_size 62 must be a multiple of 4"),
        ("fhdr", {"features": 0}, "features 0 must be even, and 2 to 1024"),
        ("fhdr", {"iterations": 0}, "iterations 0 must be 1 to 16"),
    ],
)
def test_fields_out_of_their_range(name: str, fields: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        find_family(name).arch(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PUBLISHED)
def test_weights_of_a_file_are_taken(name: str, tmp_path: Path) -> None:
    state = network_of(name).state_dict()
    torch.save(state, tmp_path / "weights.pth")
    torch.manual_seed(1)
    loaded = build_network(find_family(name).arch(weights=str(tmp_path / "weights.pth"))).state_dict()  # type: ignore[call-arg]
    assert all(torch.equal(loaded[key], state[key]) for key in state)


@pytest.mark.slow
@torch.no_grad()
def test_hdrunet_adds_the_picture_as_far_as_its_mask_says() -> None:
    network = network_of("hdrunet", features=4)
    for parameter in (
        *network.get_submodule("conv_last").parameters(),
        *network.get_submodule("mask_est.6").parameters(),
    ):
        nn.init.zeros_(parameter)
    nn.init.constant_(network.get_parameter("mask_est.6.bias"), 0.5)
    picture = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(network(picture), picture / 2)


@torch.no_grad()
def test_a_modulation_of_zero_weights_changes_nothing() -> None:
    modulation = network_of("hdrunet", features=4).get_submodule("SFT_layer1")
    for parameter in modulation.parameters():
        nn.init.zeros_(parameter)
    features = torch.rand(1, 4, 2, 2)
    torch.testing.assert_close(modulation(features, torch.rand(1, 2, 2, 2)), features)


@torch.no_grad()
def test_fhdr_keeps_nothing_of_the_picture_before() -> None:
    network = network_of("fhdr", features=4)
    first, second = torch.rand(2, 1, 3, 8, 8)
    alone = network(second)
    network(first)
    assert torch.equal(network(second), alone)
    # Pictures of one batch do not see each other.
    torch.testing.assert_close(network(torch.cat((first, second)))[1:], alone)


@torch.no_grad()
def test_what_is_fed_back_counts() -> None:
    picture = torch.rand(1, 3, 8, 8)
    one, two = (network_of("fhdr", features=4, iterations=count)(picture) for count in (1, 2))
    assert (one - two).abs().max() > 1e-4
    assert 0 < two.min() < two.max() < 1
