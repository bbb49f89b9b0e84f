"""IRNet: its published sizes, its attention, its fields."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from mqn.families.contract import build_network
from mqn.families.irnet.family import FAMILY, IRNetArch
from mqn.families.irnet.network import ContrastAttention
from mqn.networks.cost import cost

SIDE = 64


def network_of(**fields: int) -> nn.Module:
    torch.manual_seed(0)
    return build_network(IRNetArch(**fields)).eval()  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "parameters", "gmacs"), [({}, 134_731, 8.716), ({"features": 48, "blocks": 1}, 49_302, 3.190)]
)
def test_counts_are_the_published_ones(fields: dict[str, int], parameters: int, gmacs: float) -> None:
    counted = cost(network_of(**fields), IRNetArch(input_size=SIDE))
    assert counted.parameters["total"] == parameters
    # By the pixel, but for the attention's two small kernels: those of 256 x 256 are 16 times as many.
    assert 16 * counted.macs["total"] / 1e9 == pytest.approx(gmacs, abs=5e-4)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"features": 15}, "features 15 must be even, and 16 to 1024"),
        ({"features": 14}, "features 14 must be even, and 16 to 1024"),
        ({"blocks": 0}, "blocks 0 must be 1 to 16"),
    ],
)
def test_fields_out_of_their_range(fields: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        IRNetArch(**fields)


def test_attention_sees_mean_and_contrast() -> None:
    attention = ContrastAttention(16)
    for parameter in attention.parameters():
        nn.init.constant_(parameter, 0.1)
    # Of each channel half is 0 and half is 2: mean 1, standard deviation 1.
    features = torch.tensor([0.0, 2.0]).expand(1, 16, 3, 2)
    inner = 16 * 0.1 * (1 + 1) + 0.1
    torch.testing.assert_close(attention(features), features * torch.sigmoid(torch.tensor(0.1 * inner + 0.1)))


def test_features_without_contrast_have_finite_gradients() -> None:
    features = torch.ones(1, 16, 3, 3, requires_grad=True)
    ContrastAttention(16)(features).sum().backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


@torch.no_grad()
def test_a_block_that_adds_nothing_keeps_what_comes_in() -> None:
    block = network_of(features=16).get_submodule("IRB1")
    for parameter in block.get_submodule("conv").parameters():
        nn.init.zeros_(parameter)
    features = torch.rand(1, 16, 4, 4)
    assert torch.equal(block(features), features)


def test_a_step_of_training_lowers_the_loss() -> None:
    network = network_of(features=16, blocks=1).train()
    picture = torch.rand(2, 3, 8, 8)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(5):
        loss = nn.functional.l1_loss(network(picture), picture**2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)


def test_weights_of_a_file_are_taken(tmp_path: Path) -> None:
    state = network_of(features=16).state_dict()
    torch.save(state, tmp_path / "weights.pth")
    torch.manual_seed(1)
    arch = IRNetArch(features=16, weights=str(tmp_path / "weights.pth"))
    loaded = build_network(arch).state_dict()
    assert all(torch.equal(loaded[key], state[key]) for key in state)
    assert FAMILY.label(arch) == "f16 x2"
