"""The eye's optics: what light scatters on its way to the retina."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

SURROUND_NITS = 1e-5
"""What the picture is surrounded by: darkness."""

_BRIGHTEST_NITS = 1e10

# The modulation transfer function, a sum of exponentials: Mantiuk et al. 2011, as calibrated in release 2.2.
_P1 = 0.061466549455263
_P2 = 0.99727370023777070
_WEIGHTS = (0.426 * _P2, 0.574 * _P2, (1 - _P2) * _P1, (1 - _P2) * (1 - _P1))
_DECAYS = (0.028, 0.37, 37.0, 360.0)


def scatter(channel: Tensor, pixels_per_degree: float) -> Tensor:
    """Blur a channel, (H, W) float64, cd/m2, as the eye's optics do; the result is within 1e-5 .. 1e10."""
    height, width = channel.shape
    transfer = _transfer(height, width, pixels_per_degree, channel.device)
    return filter_surrounded(channel, transfer, SURROUND_NITS).clamp_(SURROUND_NITS, _BRIGHTEST_NITS)


def filter_surrounded(plane: Tensor, response: Tensor, surround: float | Tensor) -> Tensor:
    """Filter (H, W) by a real (2H, W + 1) response over `radial_frequency`.

    The canvas is twice as high and wide; its rest has the value `surround`.
    """
    height, width = plane.shape
    canvas = plane.new_empty(2 * height, 2 * width)
    canvas[:] = surround
    canvas[:height, :width] = plane
    spectrum = torch.fft.rfft2(canvas)
    del canvas
    spectrum *= response
    # The inverse by hand, an axis at a time: the rows that are cropped away need no second transform.
    columns = torch.fft.ifft(spectrum, dim=0)[:height]
    return torch.fft.irfft(columns, n=2 * width, dim=1)[:, :width].contiguous()


def radial_frequency(height: int, width: int, pixels_per_degree: float, device: torch.device) -> Tensor:
    """Radial frequencies of a canvas's half spectrum: (2H, W + 1) float64, cycles per degree."""
    spacing = 1 / pixels_per_degree
    vertical = torch.fft.fftfreq(2 * height, d=spacing, dtype=torch.float64, device=device)
    horizontal = torch.fft.rfftfreq(2 * width, d=spacing, dtype=torch.float64, device=device)
    return torch.hypot(vertical[:, None], horizontal[None, :])


@lru_cache(maxsize=1)
def _transfer(height: int, width: int, pixels_per_degree: float, device: torch.device) -> Tensor:
    frequency = radial_frequency(height, width, pixels_per_degree, device)
    transfer = torch.zeros_like(frequency)
    for weight, decay in zip(_WEIGHTS, _DECAYS, strict=True):
        transfer += weight * torch.exp(frequency * -decay)
    return transfer
