from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mqn.errors import WeightsError
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.narrowing import blocks, keep
from mqn.families.mqn.network import MQN, assemble
from mqn.models import checkpoint
from mqn.networks.cost import cost
from mqn.records import Training

ARCH = MQNArch(attention="none", encoder_weights="random", input_size=32)
BLOCK = "backbone.decoder.irlb_8"


def channels(network: torch.nn.Module) -> dict[str, int]:
    return {name: block.projection.in_channels for name, block in blocks(network).items()}


@pytest.fixture
def pruned() -> MQN:
    torch.manual_seed(1)
    network = assemble(ARCH).eval()
    keep(network.get_submodule(BLOCK), torch.arange(0, 720, 2))  # type: ignore[arg-type]
    return network


def test_channels_that_stay_keep_their_weights(pruned: MQN) -> None:
    torch.manual_seed(1)
    whole = assemble(ARCH).eval()
    assert channels(whole)[BLOCK] == 720
    assert channels(pruned) == {**channels(whole), BLOCK: 360}
    before, after = (network.get_submodule(BLOCK) for network in (whole, pruned))
    torch.testing.assert_close(after.expand.conv.weight, before.expand.conv.weight[::2])
    torch.testing.assert_close(after.project.conv.weight, before.project.conv.weight[:, ::2])
    torch.testing.assert_close(after.depthwise.norm.running_var, before.depthwise.norm.running_var[::2])


@pytest.mark.slow
def test_a_pruned_network_is_a_checkpoint(pruned: MQN, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "checkpoint.pt", ARCH, Training(), pruned)
    loaded = checkpoint.load(tmp_path / "checkpoint.pt")[2]
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(loaded(picture), pruned(picture), atol=0, rtol=0)
    assert cost(loaded, ARCH).macs == cost(pruned, ARCH).macs
    assert cost(loaded, ARCH).macs["total"] < cost(assemble(ARCH), ARCH).macs["total"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("backbone.decoder.irlb_9", 8), (BLOCK, 721), (BLOCK, 0)])
def test_channels_that_the_network_cannot_have_are_refused(pruned: MQN, tmp_path: Path, name: str, count: int) -> None:
    checkpoint.save(tmp_path / "c.pt", ARCH, Training(), pruned)
    content = checkpoint.read(tmp_path / "c.pt")
    checkpoint.write(tmp_path / "c.pt", {**content, "channels": {name: count}})
    with pytest.raises(WeightsError, match=r"weights do not fit its architecture: no block '.*' with at least"):
        checkpoint.load(tmp_path / "c.pt")


def test_a_checkpoint_that_says_nothing_of_channels_is_of_a_whole_network(tmp_path: Path) -> None:
    whole = assemble(ARCH)
    checkpoint.save(tmp_path / "c.pt", ARCH, Training(), whole)
    content = checkpoint.read(tmp_path / "c.pt")
    del content["channels"]
    checkpoint.write(tmp_path / "c.pt", content)
    assert channels(checkpoint.load(tmp_path / "c.pt")[2]) == channels(whole)
