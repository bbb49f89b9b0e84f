"""Every accuracy measure by its name: one table of functions on a pair of pictures, and one function that runs them.

A name is a base name of `MEASURES` and a suffix of `ALIGNMENTS`: `pu21_psnr` judges the prediction as it is,
`pu21_psnr_gain` after the one factor that brings it nearest to the truth, `pu21_psnr_crf` after the smooth camera
response that does. `mqn.quantities` holds each name's label, unit and direction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mqn.errors import UnknownNameError
from mqn.metrics import alignment, pu21, tonemapped

PEAK_NITS = 1000.0
"""The luminance in cd/m2 that the truth's 99.9 % point is taken for by measures of absolute light."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A prediction beside its truth.

    Attributes:
        test: (H, W, 3) floats, linear BT.709, 1.0 = the truth's 99.9 % point, not negative.
        reference: the truth, as `test`.
        ldr: (H, W, 3) float32 in [0, 1], the display-referred picture that the prediction was made from; None where
            it is not known, and measures that look at it have no value.
    """

    test: np.ndarray
    reference: np.ndarray
    ldr: np.ndarray | None = None


Measure = Callable[[Pair], float]

MEASURES: dict[str, Measure] = {
    "psnr_tm": lambda pair: tonemapped.psnr(pair.test, pair.reference, "mulaw", scale=1.0),
    "ssim_tm": lambda pair: tonemapped.ssim(pair.test, pair.reference, "mulaw", scale=1.0),
    "psnr_tm_reinhard": lambda pair: tonemapped.psnr(pair.test, pair.reference, "reinhard", scale=1.0),
    "ssim_tm_reinhard": lambda pair: tonemapped.ssim(pair.test, pair.reference, "reinhard", scale=1.0),
    "pu21_psnr": lambda pair: pu21.psnr(PEAK_NITS * pair.test, PEAK_NITS * pair.reference),
    "pu21_ssim": lambda pair: pu21.ssim(PEAK_NITS * pair.test, PEAK_NITS * pair.reference),
}
"""By base name."""

_ALIGNMENTS: dict[str, Callable[[Pair], Pair]] = {
    "": lambda pair: pair,
    "_gain": lambda pair: replace(pair, test=alignment.align_gain(pair.test, pair.reference)),
    "_crf": lambda pair: replace(
        pair, test=alignment.correct_response(PEAK_NITS * pair.test, PEAK_NITS * pair.reference) / PEAK_NITS
    ),
}

ALIGNMENTS = tuple(_ALIGNMENTS)
"""By suffix: what is done to the prediction before it is judged."""

DEFAULT = ("psnr_tm", "ssim_tm", "psnr_tm_reinhard", "ssim_tm_reinhard", "pu21_psnr", "pu21_ssim")
"""Cheap enough for every trial of a search: some 30 ms a picture of 256 x 256."""


def split_name(name: str) -> tuple[str, str]:
    """Take a measure's name apart.

    Args:
        name: for example "pu21_psnr_gain".

    Returns:
        The base name and the alignment's suffix, for example ("pu21_psnr", "_gain").

    Raises:
        UnknownNameError: there is no such measure; names the nearest.
    """
    for suffix in ALIGNMENTS:
        base = name.removesuffix(suffix)
        if base in MEASURES and base + suffix == name:
            return base, suffix
    raise UnknownNameError("metric", name, [base + suffix for suffix in ALIGNMENTS for base in MEASURES])


def measure_all(pair: Pair, names: Sequence[str]) -> dict[str, float]:
    """Judge a prediction by every measure asked for; each alignment is made once, and only if a name asks for it.

    Args:
        pair: the prediction beside its truth.
        names: full names, see `split_name`.

    Returns:
        A figure for each name, in their order. Infinite for the PSNR of equal pictures; NaN where a measure does not
        apply to this picture (no clipped pixel, for example).

    Raises:
        UnknownNameError: there is no such measure; names the nearest.
    """
    parts = [split_name(name) for name in names]
    aligned: dict[str, Pair] = {}
    figures = {}
    for name, (base, suffix) in zip(names, parts, strict=True):
        if suffix not in aligned:
            aligned[suffix] = _ALIGNMENTS[suffix](pair)
        figures[name] = MEASURES[base](aligned[suffix])
    return figures
