"""HDRUNet (Chen et al. 2021, CVPRW, "HDRUNet: single image HDR reconstruction with denoising and dequantization").

A U-Net of three scales works on the picture. A condition network looks at the same picture and modulates the U-Net's
features pixel by pixel (SFT). A third, small network says how much of the picture itself goes into the result. The
names are those of the authors' weights.

With 64 features it has 1,651,494 parameters, and 23.27 GMAC for 256 x 256.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from mqn.networks.rectified import RectifiedConv

CONDITION_SLOPE = 0.1
"""Of the leaky ReLU in the condition network and the modulations; the U-Net has ReLU."""


class HDRUNet(nn.Module):
    """x: (N, 3, H, W) in [0, 1], display-referred -> (N, 3, H, W), any numbers. H and W are multiples of 4.

    The authors' output is light to the power 1 / 2.24.
    """

    def __init__(self, features: int = 64) -> None:
        """Make the layers, with random weights."""
        super().__init__()
        condition = features // 2
        self.conv_first = RectifiedConv(3, features, 3, padding=1)
        self.SFT_layer1 = Modulation(features, condition)
        self.HR_conv1 = RectifiedConv(features, features, 3, padding=1)
        self.down_conv1 = RectifiedConv(features, features, 3, stride=2, padding=1)
        self.down_conv2 = RectifiedConv(features, features, 3, stride=2, padding=1)
        self.recon_trunk1 = Trunk(2, features, condition)
        self.recon_trunk2 = Trunk(8, features, condition)
        self.recon_trunk3 = Trunk(2, features, condition)
        self.up_conv1 = _double(features)
        self.up_conv2 = _double(features)
        self.SFT_layer2 = Modulation(features, condition)
        self.HR_conv2 = RectifiedConv(features, features, 3, padding=1)
        self.conv_last = nn.Conv2d(features, 3, 3, padding=1)
        self.cond_first = nn.Sequential(
            nn.Conv2d(3, features, 3, padding=1),
            _leaky(),
            nn.Conv2d(features, features, 1),
            _leaky(),
            nn.Conv2d(features, features, 1),
            _leaky(),
        )
        self.CondNet1 = nn.Sequential(nn.Conv2d(features, features, 1), _leaky(), nn.Conv2d(features, condition, 1))
        self.CondNet2 = nn.Sequential(_halve(features, features), _leaky(), nn.Conv2d(features, condition, 1))
        self.CondNet3 = nn.Sequential(_halve(features, features), _leaky(), _halve(features, condition))
        self.mask_est = nn.Sequential(
            nn.Conv2d(3, features, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(features, features, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(features, features, 1),
            nn.ReLU(),
            nn.Conv2d(features, 3, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct."""
        condition = self.cond_first(x)
        full, half, quarter = self.CondNet1(condition), self.CondNet2(condition), self.CondNet3(condition)
        fine = self.HR_conv1(self.SFT_layer1(self.conv_first(x), full))
        middle = self.recon_trunk1(self.down_conv1(fine), half)
        coarse = self.down_conv2(middle)
        result = self.up_conv1(self.recon_trunk2(coarse, quarter) + coarse) + middle
        result = self.up_conv2(self.recon_trunk3(result, half)) + fine
        result = self.conv_last(self.HR_conv2(self.SFT_layer2(result, full)))
        light: Tensor = self.mask_est(x) * x + result
        return light


class Trunk(nn.ModuleList):
    """Residual blocks in a row, all under the same condition; shape kept."""

    def __init__(self, blocks: int, features: int, condition: int) -> None:
        """Make the blocks."""
        super().__init__(ModulatedBlock(features, condition) for _ in range(blocks))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Convolve (N, features, h, w) under (N, condition, h, w)."""
        for block in self:
            x = block(x, condition)
        return x


class ModulatedBlock(nn.Module):
    """Two convolutions and a residual, each convolution behind a modulation; shape kept."""

    def __init__(self, features: int, condition: int) -> None:
        """Make the layers."""
        super().__init__()
        self.sft1 = Modulation(features, condition)
        self.conv1 = RectifiedConv(features, features, 3, padding=1)
        self.sft2 = Modulation(features, condition)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Convolve (N, features, h, w) under (N, condition, h, w)."""
        return x + self.conv2(self.sft2(self.conv1(self.sft1(x, condition)), condition))


class Modulation(nn.Module):
    """Spatial feature transform: features times (1 + scale), plus shift, both made of the condition at that pixel."""

    def __init__(self, features: int, condition: int) -> None:
        """Make the layers."""
        super().__init__()
        for kind in ("scale", "shift"):
            self.add_module(f"SFT_{kind}_conv0", nn.Conv2d(condition, condition, 1))
            self.add_module(f"SFT_{kind}_conv1", nn.Conv2d(condition, features, 1))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Modulate (N, features, h, w) by (N, condition, h, w)."""
        return x * (self._read("scale", condition) + 1) + self._read("shift", condition)

    def _read(self, kind: str, condition: Tensor) -> Tensor:
        inner = self.get_submodule(f"SFT_{kind}_conv0")(condition)
        values: Tensor = self.get_submodule(f"SFT_{kind}_conv1")(F.leaky_relu(inner, CONDITION_SLOPE))
        return values


def _leaky() -> nn.LeakyReLU:
    return nn.LeakyReLU(CONDITION_SLOPE)


def _halve(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, stride=2, padding=1)


def _double(features: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(features, 4 * features, 3, padding=1), nn.PixelShuffle(2), nn.ReLU())
