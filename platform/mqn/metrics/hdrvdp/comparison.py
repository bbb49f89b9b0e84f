"""Visible differences of two percepts: pooled over all bands into Q, or summed at each place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mqn.metrics.hdrvdp.interpolation import HIGHEST, LOWEST, interpolate
from mqn.metrics.hdrvdp.masking import Contrast, contrast, surround, visible
from mqn.metrics.hdrvdp.optics import filter_surrounded, radial_frequency
from mqn.metrics.hdrvdp.perception import Percept, upload
from mqn.metrics.hdrvdp.pyramid import decompose, levels
from mqn.metrics.hdrvdp.resize import resize
from mqn.metrics.hdrvdp.sensitivity import sensitivity
from mqn.metrics.hdrvdp.stripes import stripes

# How much a band's error counts, by its frequency in cycles per degree: Narwaria et al. 2015, as in 2.2.1.
_FREQUENCIES = (60.0, 30.0, 15.0, 7.5, 3.75, 1.875, 0.9375, 0.4688, 0.2344, 0.1172)
_WEIGHTS = (0.0, 0.2832, 0.2832, 0.2142, 0.2690, 0.0398, 0.0003, 0.0003, 0.0, 0.0)
_EPSILON = 1e-12
_CHANGE = 0.001

_TABLE_SAMPLES = 256


def compare(test: Percept, reference: Percept, changed: Tensor, pixels_per_degree: float) -> float:
    """Pool what differs between two percepts into Q (Narwaria et al. 2015).

    Without the logistic function that release 2.2.1 withdrew. `changed` is (H, W) float64, 1 where the pictures differ
    and 0 elsewhere: only there errors count.
    """
    loss = 0.0
    for band in _bands(test, reference, changed, pixels_per_degree):
        energy = changed.new_zeros(band.orientations)
        for _, difference in band.differences:
            energy += difference.square_().sum((1, 2))
        for error in (energy.sqrt_() / (band.height * band.width)).tolist():
            loss += band.weight * (math.log(error + _EPSILON) - math.log(_EPSILON))
    return 100.0 - loss


def locate(test: Percept, reference: Percept, changed: Tensor, pixels_per_degree: float) -> Tensor:
    """Find where two percepts differ visibly: (H, W) float64, at least 0.

    At each pixel the sum over all bands and orientations that count in Q, each in units of what is just noticeable.
    Coarse bands are interpolated. Arguments are as of `compare`.
    """
    total = torch.zeros_like(changed)
    for band in _bands(test, reference, changed, pixels_per_degree):
        whole = changed.new_zeros(band.height, band.width)
        for rows, difference in band.differences:
            whole[rows] = difference.sum(0)
        total += resize(whole, *changed.shape).clamp_(min=0).div_(2.0**band.index)
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class _Band:
    """A band's visible differences.

    Attributes:
        index: 0 for the finest.
        weight: of its errors in Q, above 0.
        orientations, height, width: its size.
        differences: a few rows after the other: (O, rows, W) float64, 0 where the pictures do not differ; grown by
            2 ** index.
    """

    index: int
    weight: float
    orientations: int
    height: int
    width: int
    differences: Iterator[tuple[slice, Tensor]]


def _bands(test: Percept, reference: Percept, changed: Tensor, pixels_per_degree: float) -> Iterator[_Band]:
    """The bands that count in Q, the finest first. Each has to be read before the next is taken."""
    decades = torch.log10((test.adaptation + reference.adaptation) / 2)
    count = levels(*changed.shape) + 2
    for index, (finer, band, coarser) in enumerate(_beside(_contrasts(test, reference, count, pixels_per_degree))):
        frequency = _frequency(index, pixels_per_degree)
        weight = float(np.interp(frequency, _FREQUENCIES[::-1], _WEIGHTS[::-1]))
        if not weight:
            continue
        orientations, height, width = band.difference.shape
        # The low-pass rest masks no band, and is weighted with the sensitivity already.
        rest = index == count - 1
        beside = surround(finer, coarser if index < count - 2 else None, band, 2.0**index)
        yield _Band(
            index=index,
            weight=weight,
            orientations=orientations,
            height=height,
            width=width,
            differences=_differences(band, beside, index, None if rest else frequency, decades, changed),
        )


def _differences(
    band: Contrast, beside: Tensor | None, index: int, frequency: float | None, decades: Tensor, changed: Tensor
) -> Iterator[tuple[slice, Tensor]]:
    """As of `_Band`; `frequency` is None for the low-pass rest."""
    orientations, height, width = band.difference.shape
    adaptation, counts = resize(decades, height, width), resize(changed, height, width)
    table = None if frequency is None else _sensitivities(frequency, changed.device)
    for rows in stripes(height, orientations * width):
        seen = None if table is None else interpolate(adaptation[rows], table)
        difference = visible(band.rows(rows), None if beside is None else beside[:, rows], 2.0**index, seen)
        yield rows, difference.mul_(counts[rows])


def changes(test: np.ndarray, reference: np.ndarray, device: torch.device) -> Tensor:
    """(H, W) float64: 1 where any channel differs by more than a thousandth of the reference, else 0."""
    height, width = reference.shape[:2]
    changed = torch.zeros(height, width, dtype=torch.bool, device=device)
    for channel in range(reference[0, 0].size):
        of_test, of_reference = (
            upload(picture.reshape(height, width, -1)[..., channel], device) for picture in (test, reference)
        )
        # Black in both is no change: 0 / 0 is not above anything.
        changed |= (of_test - of_reference).abs_().div_(of_reference) > _CHANGE
    return changed.double()


def _frequency(index: int, pixels_per_degree: float) -> float:
    """Of band `index`, the finest 0, in cycles per degree."""
    return pixels_per_degree / 2 * 0.5**index


def _contrasts(test: Percept, reference: Percept, count: int, pixels_per_degree: float) -> Iterator[Contrast]:
    both = zip(decompose(test.response), decompose(reference.response), strict=True)
    for index, (of_test, of_reference) in enumerate(both):
        if index < count - 1:
            yield contrast(of_test, of_reference)
        else:
            frequency = _frequency(index, pixels_per_degree)
            mean = of_reference.mean()
            weighted = (
                _weigh_rest(band[0], frequency, percept.adaptation.mean(), mean)[None]
                for band, percept in ((of_test, test), (of_reference, reference))
            )
            yield contrast(*weighted)


def _beside(bands: Iterator[Contrast]) -> Iterator[tuple[Contrast | None, Contrast, Contrast | None]]:
    """Each band between the next finer and the next coarser one; no more than these three are held."""
    finer, band = None, next(bands)
    for coarser in bands:
        yield finer, band, coarser
        finer, band = band, coarser
    yield finer, band, None


def _sensitivities(frequency: float, device: torch.device) -> Tensor:
    table = sensitivity(frequency, np.linspace(LOWEST, HIGHEST, _TABLE_SAMPLES))
    return torch.from_numpy(table).to(device)


def _weigh_rest(rest: Tensor, frequency: float, adaptation: Tensor, surround: Tensor) -> Tensor:
    """Weight the low-pass rest with the sensitivity to each of the frequencies in it, at the mean adaptation."""
    height, width = rest.shape
    canvas = radial_frequency(height, width, frequency * 2 * math.sqrt(2), rest.device).cpu().numpy()
    response = torch.from_numpy(sensitivity(canvas, math.log10(float(adaptation)))).to(rest.device)
    return filter_surrounded(rest, response, surround)
