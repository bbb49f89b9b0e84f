"""HDRCNN: its counts are the published ones, dark pixels keep their light, bright ones get the network's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mqn.errors import WeightsError
from mqn.families.contract import build_network, find_family
from mqn.families.hdrcnn.network import HDRCNN, blend, to_logarithm
from mqn.networks.cost import cost

FAMILY = find_family("hdrcnn")


def narrow(width: float = 0.125) -> HDRCNN:
    torch.manual_seed(0)
    return HDRCNN(width)


@pytest.mark.slow
def test_counts_are_the_published_ones() -> None:
    counted = cost(HDRCNN(), FAMILY.arch(input_size=64))
    # 29.443 M learn; the others are the moving statistics of seven batch norms.
    assert counted.parameters["total"] == 29_447_332
    assert sum(p.numel() for p in HDRCNN().parameters()) == 29_443_358
    # Every layer's share grows with the area: 16 times as much at 256 x 256. The paper of MQN says 30.35 G.
    assert counted.macs["total"] * 16 == 30_275_665_920
    assert counted.macs["total"] * 16 / 1e9 == pytest.approx(30.28, rel=5e-3)


@pytest.mark.parametrize(("width", "channels"), [(0.01, 8), (0.125, 8), (0.2, 16), (1.5, 96)])
def test_a_width_gives_multiples_of_eight_channels(width: float, channels: int) -> None:
    with torch.device("meta"):
        network = HDRCNN(width)
    assert network.backbone.encoder[0][0].out_channels == channels


@pytest.mark.parametrize("width", [0, -1, 2.1, float("nan")])
def test_widths_out_of_range(width: float) -> None:
    with pytest.raises(ValueError, match=r"width .* must be in \(0, 2\]"):
        FAMILY.arch(width=width)


def test_pixels_below_the_margin_keep_their_own_light() -> None:
    x = torch.rand(1, 3, 32, 64) * 0.95
    torch.testing.assert_close(narrow().eval()(x), x * x, atol=1e-6, rtol=0)


def test_the_brightest_channel_decides_how_much_the_network_counts() -> None:
    x = torch.tensor([[0.5, 0.975, 0.1], [0.5, 0.2, 1.0]]).T.reshape(1, 3, 1, 2)
    light = blend(x, torch.full_like(x, 2.0).log())
    new = 2 - 1 / 255
    expected = torch.tensor([[(own * own + new) / 2 for own in (0.5, 0.975, 0.1)], [new] * 3]).T.reshape(1, 3, 1, 2)
    torch.testing.assert_close(light, expected)


def test_the_logarithm_is_undone() -> None:
    x = torch.rand(1, 3, 2, 2)
    torch.testing.assert_close(blend(torch.ones_like(x), to_logarithm(x)), x * x)


def test_an_untrained_network_stays_near_the_pictures_own_light() -> None:
    x = torch.rand(1, 3, 64, 64).clamp(0.5, 0.8) / 0.8
    light = narrow(0.25).eval()(x)
    assert light.max() < 4
    assert (light - x * x).abs().max() > 1e-3


def test_weights_of_another_width(tmp_path: Path) -> None:
    torch.save(narrow().state_dict(), tmp_path / "w.pth")
    loaded = build_network(FAMILY.arch(width=0.125, weights=str(tmp_path / "w.pth")))
    assert all(torch.equal(tensor, narrow().state_dict()[name]) for name, tensor in loaded.state_dict().items())
    with pytest.raises(WeightsError, match="has the shape"):
        build_network(FAMILY.arch(width=0.25, weights=str(tmp_path / "w.pth")))
