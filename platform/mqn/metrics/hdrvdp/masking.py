"""Visible difference in each band: contrast masked by what stands at the same place, across it, and beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from mqn.metrics.hdrvdp.resize import resize

# Mantiuk et al. 2011, Eq. 14 to 17, as calibrated in release 2.2.
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


def contrast(test: Tensor, reference: Tensor) -> Contrast:
    """Set two pictures' bands side by side.

    Args:
        test: (O, h, w).
        reference: (O, h, w).

    Returns:
        The difference, and the mean of min(|test|, |reference|) over 3 x 3 pixels, darkness around the picture.
    """
    smaller = test.abs().clamp_(max=reference.abs())
    return Contrast(difference=test - reference, mutual=F.avg_pool2d(smaller[:, None], 3, stride=1, padding=1)[:, 0])


def visible(
    band: Contrast, finer: Contrast | None, coarser: Contrast | None, scale: float, sensitivity: Tensor | None
) -> Iterator[Tensor]:
    """Differences of a band in units of what can be seen.

    Args:
        band: the band, O orientations.
        finer: the next finer band, where there is one.
        coarser: the next coarser band, where it masks.
        scale: 2 ** b of band b, the finest 0: what a band's values have grown by.
        sensitivity: (h, w), the reciprocal of the contrast threshold; None where the band is weighted with it already.

    Yields:
        (h, w) for each orientation, at least 0.
    """
    height, width = band.difference.shape[-2:]
    # N to the power of 2 p.
    floor = 1.0 if sensitivity is None else sensitivity ** (-2 * _EXCITATION)
    seen = 1.0 if sensitivity is None else sensitivity
    together = band.mutual.sum(0)
    for orientation, (difference, mutual) in enumerate(zip(band.difference, band.mutual, strict=True)):
        mask = (mutual * seen / scale) ** _MASKING * _BY_SELF
        across = (together - mutual).clamp_(min=0)
        mask += across.mul_(seen).div_(scale).pow_(_MASKING).mul_(_BY_ORIENTATIONS)
        beside = None
        for neighbour, factor in ((finer, scale / 2), (coarser, scale * 2)):
            if neighbour is not None:
                # A band without orientations stands beside every orientation, and the first one beside it.
                index = min(orientation, len(neighbour.mutual) - 1)
                # Bicubic resizing dips below zero; each neighbour is clipped by itself.
                share = resize(neighbour.mutual[index], height, width).clamp(min=0).div_(factor)
                beside = share if beside is None else beside + share
        if beside is not None:
            mask += beside.mul_(seen).pow_(_MASKING).mul_(_BY_NEIGHBOURS)
        mask *= scale
        excitation = (difference / scale).abs_().pow_(_EXCITATION).mul_(scale)
        yield excitation.div_(mask.square_().add_(floor).sqrt_())
