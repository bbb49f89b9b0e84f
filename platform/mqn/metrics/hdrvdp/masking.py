"""Visible difference in each band: contrast masked by what stands at the same place, across it, and beside it."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from mqn.metrics.hdrvdp.resize import resize

# Mantiuk et al. 2011, as calibrated in release 2.2.
_EXCITATION = 10**0.544068
_MASKING = 10**0.49576
_BY_SELF = 10**0.189065
_BY_ORIENTATIONS = 10**0.449199
_BY_NEIGHBOURS = 10**1.52512


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """What test and reference have in one band.

    Attributes:
        difference: (O, h, w), test minus reference.
        mutual: (O, h, w), what both have, smoothed: that by which differences are masked.
    """

    difference: Tensor
    mutual: Tensor

    def rows(self, rows: slice) -> Contrast:
        """Some rows of the band."""
        return Contrast(difference=self.difference[:, rows], mutual=self.mutual[:, rows])


def contrast(test: Tensor, reference: Tensor) -> Contrast:
    """Compare the bands, (O, h, w), of two pictures.

    Returns:
        Their difference, and what masks it: the mean of min(|test|, |reference|) over 3 x 3 pixels, with darkness
        around the picture.
    """
    smaller = test.abs().clamp_(max=reference.abs())
    return Contrast(difference=test - reference, mutual=F.avg_pool2d(smaller[:, None], 3, stride=1, padding=1)[:, 0])


def surround(finer: Contrast | None, coarser: Contrast | None, band: Contrast, scale: float) -> Tensor | None:
    """What the neighbouring bands have at a band's places: (O, h, w) or (1, h, w), at least 0.

    None where no neighbour masks. `scale` is 2 ** b for band b, the finest being 0: a band's values have grown by it.
    """
    orientations, height, width = band.difference.shape
    beside = None
    for neighbour, growth in ((finer, scale / 2), (coarser, scale * 2)):
        if neighbour is not None:
            # A band without orientations stands beside every orientation, and the first one beside it. Bicubic
            # resizing dips below zero; each neighbour is clipped by itself.
            share = resize(neighbour.mutual[:orientations], height, width).clamp(min=0).div_(growth)
            beside = share if beside is None else beside + share
    return beside


def visible(band: Contrast, beside: Tensor | None, scale: float, sensitivity: Tensor | None) -> Tensor:
    """Differences of a band, or of some of its rows, in units of what can be seen: (O, h, w), at least 0.

    Args:
        band: the band, or some rows of it.
        beside: what `surround` found there.
        scale: 2 ** b of band b, the finest 0.
        sensitivity: (h, w), the reciprocal of the contrast threshold; None where the band is weighted with it already.
    """
    # N to the power of 2 p.
    floor = 1.0 if sensitivity is None else sensitivity ** (-2 * _EXCITATION)
    seen = 1.0 if sensitivity is None else sensitivity
    mask = (band.mutual * seen).div_(scale).pow_(_MASKING).mul_(_BY_SELF)
    across = (band.mutual.sum(0) - band.mutual).clamp_(min=0)
    mask += across.mul_(seen).div_(scale).pow_(_MASKING).mul_(_BY_ORIENTATIONS)
    if beside is not None:
        mask += (beside * seen).pow_(_MASKING).mul_(_BY_NEIGHBOURS)
    mask *= scale
    excitation = (band.difference / scale).abs_().pow_(_EXCITATION).mul_(scale)
    return excitation.div_(mask.square_().add_(floor).sqrt_())
