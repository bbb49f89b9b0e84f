from __future__ import annotations

import copy

import pytest
import torch
from torch import fx, nn

from mqn.errors import ExportError
from mqn.export.twin.folding import fold


class _Net(nn.Module):
    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, calls: int = 1, leak: bool = False) -> None:
        super().__init__()
        self.conv, self.norm, self.calls, self.leak = conv, norm, calls, leak

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(self.calls):
            convolved = self.conv(x)
            x = self.norm(convolved)
        return x + convolved if self.leak else x


def _norm(channels: int, *, affine: bool = True) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels, eps=1e-3, affine=affine)
    with torch.no_grad():
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.2, 3)
        if affine:
            norm.weight.uniform_(-2, 2)
            norm.bias.normal_()
    return norm


@pytest.mark.slow
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("groups", [1, 4])
def test_the_same_numbers_with_one_operator_less(bias: bool, affine: bool, groups: int) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 8, 3, stride=2, padding=1, bias=bias, groups=groups)
    network = _Net(conv, _norm(8, affine=affine)).eval()
    before = copy.deepcopy(network.state_dict())
    x = torch.randn(2, 4, 9, 6)
    traced = fx.symbolic_trace(network)
    folded, replaced = fold(traced)
    assert replaced == {"norm": "conv"}
    assert not any(node.target == "norm" for node in folded.graph.nodes)
    torch.testing.assert_close(folded(x), network(x), atol=1e-5, rtol=1e-5)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name], atol=0, rtol=0)


@pytest.mark.parametrize(
    "network", [_Net(nn.Conv2d(3, 3, 1), _norm(3), calls=2), _Net(nn.Conv2d(3, 3, 1), _norm(3), leak=True)]
)
def test_a_norm_stays_behind_a_convolution_that_something_else_uses(network: _Net) -> None:
    network.eval()
    folded, replaced = fold(fx.symbolic_trace(network))
    assert replaced == {}
    x = torch.rand(1, 3, 2, 2)
    torch.testing.assert_close(folded(x), network(x))


def test_a_pixel_shuffle_behind_no_convolution_is_refused() -> None:
    with pytest.raises(ExportError, match="pixel shuffle '0' cannot be exported: it must follow a Conv2d"):
        fold(fx.symbolic_trace(nn.Sequential(nn.PixelShuffle(2))))


def test_a_norm_without_statistics_is_refused() -> None:
    network = _Net(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, track_running_stats=False))
    with pytest.raises(ExportError, match="without running statistics"):
        fold(fx.symbolic_trace(network))


def test_layers_that_do_nothing_go() -> None:
    network = nn.Sequential(nn.Identity(), nn.Conv2d(3, 3, 1), nn.Dropout(0.5))
    folded, replaced = fold(fx.symbolic_trace(network.eval()))
    assert [node.name for node in folded.graph.nodes if node.op == "call_module"] == ["_1"]
    assert replaced == {"_0": "input_1", "_2": "_1"}


@pytest.mark.parametrize("bias", [False, True])
def test_a_pixel_shuffle_finds_channels_in_tensorflows_order(bias: bool) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(4, 12, 3, padding=1, bias=bias), nn.PixelShuffle(2)).eval()
    x = torch.randn(1, 4, 3, 5)
    folded, _ = fold(fx.symbolic_trace(network))
    reordered = folded.get_submodule("0")(x)
    # TensorFlow: output[2 y + i, 2 x + j, c] = input[y, x, (2 i + j) C + c].
    blocks = reordered.reshape(1, 2, 2, 3, 3, 5).permute(0, 3, 4, 1, 5, 2).reshape(1, 3, 6, 10)
    torch.testing.assert_close(blocks, network(x))
