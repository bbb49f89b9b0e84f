from __future__ import annotations

import torch
from tests.support import own_family
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.networks.cost import cost


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU())
        self.last = nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.last(self.body(x)))


def test_a_transposed_convolution_multiplies_at_the_positions_that_go_in() -> None:
    counted = cost(_Net(), own_family.FAMILY.arch(input_size=64))
    assert counted.macs == {"backbone": 8 * 3 * 9 * 32 * 32, "head": 8 * 3 * 16 * 32 * 32, "total": 24 * 25 * 32 * 32}
    (transposed,) = [layer for layer in counted.layers if layer.kind == "ConvTranspose2d"]
    assert transposed.output == (1, 3, 64, 64)
    assert transposed.parameters == 8 * 3 * 16 + 3


class _Blurred(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.conv2d(x, torch.full((3, 3, 1, 1), 1 / 3)))


def test_a_convolution_with_a_constant_is_no_layer() -> None:
    arch = own_family.FAMILY.arch(input_size=64)
    assert cost(_Blurred(), arch) == cost(_Net(), arch)
