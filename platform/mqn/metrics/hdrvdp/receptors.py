"""Photoreceptors: what cones and rods absorb, and how they answer."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import torch
from torch import Tensor

from mqn.metrics.hdrvdp.interpolation import HIGHEST, LOWEST, interpolate
from mqn.metrics.hdrvdp.stripes import stripes

# Long-wave cones, middle-wave cones and rods: the emission of a display's primaries (an LCD lit by cold-cathode lamps,
# the release's default for colour; BT.709's are not converted to them) times the receptors' sensitivity (cones: Smith
# and Pokorny 1975, rods: CIE 1951 scotopic), integrated over 360 .. 780 nm.
_RED = (0.198996120338, 0.0410058604076, 0.0143773686211)
_GREEN = (0.404762607038, 0.254923306441, 0.480920841084)
_BLUE = (0.0543906192553, 0.0500122489593, 0.454275895669)
# The same for a grey of illuminant D65's spectrum.
_D65 = (0.601847152245, 0.316708295579, 0.9046706546)

_SAMPLES = 2048

_PEAK_SENSITIVITY = 0.006894596
_SENSITIVITY_CORRECTION = 10**-2.4


def absorb(channels: Iterable[Tensor], *, colour: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Compute what each kind of receptor absorbs of light on the retina.

    `channels` are (H, W) each, cd/m2: red, green and blue, or luminance alone. The result is long-wave cones,
    middle-wave cones and rods, (H, W) each. The two cones together are the light adapted to.
    """
    rows = (_RED, _GREEN, _BLUE) if colour else (_D65,)
    absorbed: list[Tensor] = []
    for channel, row in zip(channels, rows, strict=True):
        if absorbed:
            for plane, share in zip(absorbed, row, strict=True):
                plane.add_(channel, alpha=share)
        else:
            absorbed = [channel * share for share in row]
    long, middle, rods = absorbed
    return long, middle, rods


def respond(long: Tensor, middle: Tensor, rods: Tensor) -> Tensor:
    """Compute the joint achromatic answer of all receptors, (H, W), in just noticeable differences, about zero."""
    cone_answers, rod_answers = (table.to(long.device) for table in _answers())
    photopic, scotopic = torch.empty_like(long), torch.empty_like(long)
    for part in stripes(*long.shape):
        photopic[part] = interpolate(torch.log10(long[part]), cone_answers)
        photopic[part] += interpolate(torch.log10(middle[part]), cone_answers)
        scotopic[part] = interpolate(torch.log10(rods[part]), rod_answers)
    photopic -= photopic.mean()
    scotopic -= scotopic.mean()
    return photopic.add_(scotopic)


@cache
def _answers() -> tuple[Tensor, Tensor]:
    """Answers of cones and rods over the grid: luminance in units of its threshold, summed up."""
    decades = np.linspace(LOWEST, HIGHEST, _SAMPLES)
    light = 10**decades
    joint = 30.162 * ((4.0627 / light) ** 1.6596 + 1) ** -0.2712
    peak = 1.1732
    exponent, width = np.where(light > peak, 2.9899, 1.2167), np.where(light > peak, 0.5547, 1.1478)
    rods = 10**1.1414 * np.exp(-(np.abs(np.log10(light / peak)) ** exponent) / width)
    # Each of the two kinds of cone catches half of the light that both catch together.
    cones = 0.5 * np.interp(np.minimum(2 * light, light[-1]), light, np.maximum(joint - rods, 1e-3))
    step = np.diff(decades)
    scale = _PEAK_SENSITIVITY / _SENSITIVITY_CORRECTION * np.log(10)
    cone_answers, rod_answers = (
        torch.from_numpy(np.concatenate([[0.0], np.cumsum(step * (s[1:] + s[:-1]) / 2)]) * scale) for s in (cones, rods)
    )
    return cone_answers, rod_answers
