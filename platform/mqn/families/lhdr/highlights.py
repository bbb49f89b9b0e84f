"""LHDR's U-Net for what is over-exposed (`mqn.families.lhdr.network`): partial convolutions, then modulated ones."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from mqn.families.lhdr.partial import PartialConv

WIDTH = 32
GROUPS = 4
BRIGHT = 0.9
"""Code values from here to 1 count as more and more over-exposed."""
SLOPE = 0.1


class HighlightNet(nn.Module):
    """A U-Net of two scales: an encoder that leaves highlights out, a decoder that is told where they are."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        # Index 0 stands for a layer without weights in the authors' file.
        self.mask_est_pconv = nn.Sequential(nn.Identity(), nn.Conv2d(3, WIDTH, 1))
        self.recon_trunk_f = nn.ModuleList(MaskedBlock() for _ in range(2))
        self.down_conv = nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.recon_trunk_mp = nn.ModuleList(MaskedBlock() for _ in range(2))
        self.recon_trunk_ms = nn.ModuleList(ModulatedBlock() for _ in range(2))
        self.up_conv = nn.Sequential(nn.Conv2d(WIDTH, 4 * WIDTH, 3, padding=1), nn.PixelShuffle(2))
        self.recon_trunk_e = nn.ModuleList(ModulatedBlock() for _ in range(2))
        self.cond_com = nn.Sequential(
            nn.Conv2d(3, WIDTH, 3, padding=1), _activation(), _grouped(stride=1), _activation()
        )
        self.cond_1e = nn.Sequential(_grouped(stride=2), _activation(), nn.Conv2d(WIDTH, WIDTH, 3, padding=1))
        self.cond_2 = nn.Sequential(_grouped(stride=2), _activation(), nn.Conv2d(WIDTH, WIDTH, 3, 2, padding=1))

    def forward(self, x: Tensor, bright: Tensor) -> Tensor:
        """Fill highlights in.

        Args:
            x: (N, 32, H / 2, W / 2).
            bright: (N, 3, H, W) in [0, 1].

        Returns:
            (N, 32, H / 2, W / 2).
        """
        # Valid as far as not bright, once more from the same threshold on.
        valid = ((1 - bright) / (1 - BRIGHT)).clamp(0.0, 1.0)
        mask = _halve(self.mask_est_pconv(valid))
        condition = self.cond_com(bright)
        half, quarter = self.cond_1e(condition), self.cond_2(condition)

        fine = x
        for block in self.recon_trunk_f:
            fine, mask = block(fine, mask)
        coarse = activate(self.down_conv(fine))
        mask = _halve(mask)
        filled = coarse
        for block in self.recon_trunk_mp:
            filled, mask = block(filled, mask)
        for block in self.recon_trunk_ms:
            filled = block(filled, quarter)
        result = activate(self.up_conv(filled + coarse))
        for block in self.recon_trunk_e:
            result = block(result, half)
        return result + fine + x


class MaskedBlock(nn.Module):
    """A residual block of partial convolutions, shape kept."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.pconv_1 = PartialConv(WIDTH, groups=GROUPS)
        self.pconv_2 = PartialConv(WIDTH)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve features and update their mask."""
        inner, mask = self.pconv_1(x, mask)
        inner, mask = self.pconv_2(activate(inner), mask)
        return activate(inner) + x, mask


class ModulatedBlock(nn.Module):
    """A residual block whose convolutions follow a modulation, shape kept."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.conv1 = _grouped(stride=1)
        self.conv2 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.sft1 = Modulation()
        self.sft2 = Modulation()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Convolve features under a condition of the same size."""
        inner = activate(self.conv1(self.sft1(x, condition)))
        inner = activate(self.conv2(self.sft2(inner, condition)))
        return inner + x


class Modulation(nn.Module):
    """Spatial feature transform (Wang et al. 2018): x (s + 1) + t, s and t out of the condition, pixel by pixel."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.SFT_scale_conv1 = nn.Conv2d(WIDTH, WIDTH, 1)
        self.SFT_scale_conv2 = nn.Conv2d(WIDTH, WIDTH, 1)
        self.SFT_shift_conv1 = nn.Conv2d(WIDTH, WIDTH, 1)
        self.SFT_shift_conv2 = nn.Conv2d(WIDTH, WIDTH, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Modulate."""
        scale = self.SFT_scale_conv2(activate(self.SFT_scale_conv1(condition)))
        shift: Tensor = self.SFT_shift_conv2(activate(self.SFT_shift_conv1(condition)))
        return x * (scale + 1) + shift


def activate(x: Tensor) -> Tensor:
    """The activation of all of LHDR: leaky ReLU, 0.1 below 0."""
    return F.leaky_relu(x, SLOPE)


def _activation() -> nn.LeakyReLU:
    return nn.LeakyReLU(SLOPE)


def _grouped(*, stride: int) -> nn.Conv2d:
    return nn.Conv2d(WIDTH, WIDTH, 3, stride, padding=1, groups=GROUPS)


def _halve(mask: Tensor) -> Tensor:
    return F.avg_pool2d(mask, 3, stride=2, padding=1)
