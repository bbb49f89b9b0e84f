from __future__ import annotations

import numpy as np
import pytest
import torch

from mqn.export.tune.pruning import prune
from mqn.families.mqn.blocks import InvertedResidual
from mqn.families.mqn.family import FAMILY
from mqn.families.mqn.network import MQN


@pytest.fixture(scope="module")
def network() -> MQN:
    torch.manual_seed(3)
    return MQN(attention="none").eval()


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(1).random((2, 32, 32, 3), dtype=np.float32)


def _widths(network: torch.nn.Module) -> dict[str, int]:
    return {
        name: module.project.conv.in_channels
        for name, module in network.named_modules()
        if isinstance(module, InvertedResidual)
    }


def _run(network: torch.nn.Module, pictures: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return network(torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()))


def test_half_of_the_channels_go_but_not_those_of_taps(network: MQN, pictures: np.ndarray) -> None:
    before, after = _widths(network), _widths(prune(network, FAMILY, 0.5, pictures))
    kept = {name for name, width in before.items() if after[name] == width}
    assert kept == {f"backbone.encoder.block_{index}" for index in (0, 1, 3, 6, 13)}
    assert all(after[name] % 8 == 0 and after[name] <= 0.5 * before[name] + 8 for name in set(before) - kept)
    assert sum(parameter.numel() for parameter in network.parameters()) > sum(
        parameter.numel() for parameter in prune(network, FAMILY, 0.5, pictures).parameters()
    )


def _living(network: MQN, pictures: np.ndarray, name: str) -> tuple[torch.nn.Module, InvertedResidual]:
    """A copy, and a block of it whose expanded channels all do something."""
    living = prune(network, FAMILY, 0.0, pictures)
    block = living.get_submodule(name)
    assert isinstance(block, InvertedResidual)
    block.depthwise.norm.bias.data += 2
    return living, block


def test_channels_that_do_nothing_go_first(network: MQN, pictures: np.ndarray) -> None:
    name = "backbone.decoder.irlb_8"
    living, block = _living(network, pictures, name)
    half = block.project.conv.in_channels // 2
    block.project.conv.weight.data[:, :half] = 0
    kept = prune(living, FAMILY, 0.5, pictures).get_submodule(f"{name}.project.conv").weight
    torch.testing.assert_close(kept, block.project.conv.weight[:, half:])


def test_no_sparsity_changes_nothing(network: MQN, pictures: np.ndarray) -> None:
    torch.testing.assert_close(_run(prune(network, FAMILY, 0.0, pictures), pictures), _run(network, pictures))


def test_a_channel_that_is_the_same_everywhere_goes_without_a_trace(network: MQN, pictures: np.ndarray) -> None:
    name = "backbone.decoder.irlb_4"
    living, block = _living(network, pictures, name)
    norm, width = block.depthwise.norm, block.project.conv.in_channels
    norm.weight.data[:8], norm.bias.data[:8] = 0, 1e-2
    pruned = prune(living, FAMILY, 8 / width, pictures).get_submodule(name)
    assert pruned.get_submodule("project.conv").in_channels == width - 8
    x = torch.rand(1, block.expand.conv.in_channels, 8, 8, generator=torch.Generator().manual_seed(1))  # type: ignore[union-attr]
    with torch.no_grad():
        torch.testing.assert_close(pruned(x), block(x), atol=1e-5, rtol=0)
        assert block.project.conv.weight[:, :8].abs().max() > 0.01
