"""Every accuracy measure by name: a table of functions on a prediction and its truth, and one that runs them.

A name is a base name of `MEASURES` and a suffix of `ALIGNMENTS`: `pu21_psnr` judges the prediction as it is,
`pu21_psnr_gain` after the one factor that brings it nearest to the truth, `pu21_psnr_crf` after the smooth camera
response that does. `mqn.quantities` holds each name's label, unit and direction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mqn.errors import PictureError, UnknownNameError
from mqn.metrics import alignment, clipped, color, colorvideovdp, fidelity, hdrvdp, pu21, tonemapped

PEAK_NITS = 1000.0
"""The luminance in cd/m2 that the truth's 99.9 % point is taken for by measures of absolute light."""

LOWEST_NITS = pu21.LOWEST_NITS
"""In cd/m2: darker values count as this for measures of absolute light. A black truth would divide by zero."""

PIXELS_PER_DEGREE = 30.0
"""Of HDR-VDP: what most publications state, a desktop display seen from about 0.5 m."""

HDRVDP_SMALLEST_SIDE = 17
"""In pixels: its pyramid's largest filter."""


@dataclass(frozen=True, slots=True)
class Case:
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


Measure = Callable[[Case], float]


def _shown(figure: Callable[..., float], operator: str) -> Measure:
    """A figure of tone-mapped pictures."""
    return lambda case: figure(case.test, case.reference, operator, scale=1.0)


def _absolute(figure: Callable[[np.ndarray, np.ndarray], float]) -> Measure:
    """A figure of pictures in cd/m2; what lies below `LOWEST_NITS` is raised to it."""
    return lambda case: figure(nits(case.test), nits(case.reference))


def nits(image: np.ndarray) -> np.ndarray:
    """A picture in cd/m2 for measures of absolute light; `image` is of any shape, 1.0 = the truth's 99.9 % point."""
    light: np.ndarray = np.maximum(PEAK_NITS * image, LOWEST_NITS)
    return light


def _hdrvdp_q(test: np.ndarray, reference: np.ndarray) -> float:
    return hdrvdp.quality(test, reference, PIXELS_PER_DEGREE)


def _hdrvdp_q_p3(case: Case) -> float:
    test, reference = (hdrvdp.prepare_p3(PEAK_NITS * image) for image in (case.test, case.reference))
    return hdrvdp.quality(test, reference, PIXELS_PER_DEGREE)


def _clipped_error(case: Case) -> float:
    return math.nan if case.ldr is None else clipped.error(case.test, case.reference, case.ldr)


MEASURES: dict[str, Measure] = {
    "psnr_tm": _shown(tonemapped.psnr, "mulaw"),
    "ssim_tm": _shown(tonemapped.ssim, "mulaw"),
    "psnr_tm_reinhard": _shown(tonemapped.psnr, "reinhard"),
    "ssim_tm_reinhard": _shown(tonemapped.ssim, "reinhard"),
    "psnr_tm_drago": _shown(tonemapped.psnr, "drago"),
    "ssim_tm_drago": _shown(tonemapped.ssim, "drago"),
    "psnr_tm_mantiuk": _shown(tonemapped.psnr, "mantiuk"),
    "ssim_tm_mantiuk": _shown(tonemapped.ssim, "mantiuk"),
    "psnr_tm_legacy": _shown(tonemapped.psnr, "legacy"),
    "ssim_tm_legacy": _shown(tonemapped.ssim, "legacy"),
    "pu21_psnr": _absolute(pu21.psnr),
    "pu21_ssim": _absolute(pu21.ssim),
    "hdrvdp_q": _absolute(_hdrvdp_q),
    "hdrvdp_q_p3": _hdrvdp_q_p3,
    "angular_error_deg": lambda case: color.angular_error_deg(case.test, case.reference),
    "clipped_error": _clipped_error,
    "cvvdp": _absolute(colorvideovdp.quality),
}
"""By base name."""

_ALIGNMENTS: dict[str, Callable[[Case], Case]] = {
    "": lambda case: case,
    "_gain": lambda case: replace(case, test=alignment.align_gain(case.test, case.reference)),
    "_crf": lambda case: replace(
        case, test=alignment.correct_response(PEAK_NITS * case.test, PEAK_NITS * case.reference) / PEAK_NITS
    ),
}

ALIGNMENTS = tuple(_ALIGNMENTS)
"""By suffix: what is done to the prediction before it is judged."""

DEFAULT = ("psnr_tm", "ssim_tm", "psnr_tm_reinhard", "ssim_tm_reinhard", "pu21_psnr", "pu21_ssim")
"""Cheap enough for every trial of a search: 0.1 s a picture of 256 x 256 on one core."""

THOROUGH = (
    *("pu21_psnr", "pu21_psnr_gain", "pu21_psnr_crf", "pu21_ssim", "pu21_ssim_gain", "pu21_ssim_crf"),
    *("hdrvdp_q", "hdrvdp_q_gain", "hdrvdp_q_crf", "hdrvdp_q_p3"),
    *("clipped_error", "clipped_error_gain", "clipped_error_crf", "angular_error_deg"),
    *("psnr_tm", "psnr_tm_gain", "ssim_tm", "psnr_tm_reinhard", "ssim_tm_reinhard"),
    *("psnr_tm_drago", "ssim_tm_drago", "psnr_tm_mantiuk", "ssim_tm_mantiuk", "psnr_tm_legacy", "ssim_tm_legacy"),
)
"""For a table that compares methods: Q, the clipped region and a response-corrected column together, because no single
figure decides; 0.7 s a picture of 256 x 256 on one core."""


def split_name(name: str) -> tuple[str, str]:
    """Split a measure's name into base name and alignment's suffix: "pu21_psnr_gain" is ("pu21_psnr", "_gain").

    Raises:
        UnknownNameError: there is no such measure; names the nearest.
    """
    for suffix in ALIGNMENTS:
        base = name.removesuffix(suffix)
        if base in MEASURES and base + suffix == name:
            return base, suffix
    known = [base + suffix for suffix in ALIGNMENTS for base in MEASURES]
    raise UnknownNameError("metric", name, known, "all of them: mqn describe --metrics")


def measure_all(case: Case, names: Sequence[str]) -> dict[str, float]:
    """Judge a prediction by every measure asked for; each alignment is made once, and only if a name asks for it.

    Returns:
        A figure for each name, in their order. Infinite for the PSNR of equal pictures; NaN where a measure does not
        apply to this picture (no clipped pixel, for example).

    Raises:
        UnknownNameError: there is no such measure; names the nearest.
        MissingLibraryError: `cvvdp` is asked for, and its library is missing or broken; says how to mend it.
        PictureError: the pictures are too small for a measure (SSIM needs 11 x 11, HDR-VDP 17 x 17); names it.
        ValueError: the pictures' shapes differ.
    """
    parts = [split_name(name) for name in names]
    height, width = case.reference.shape[:2]
    for base, _ in parts:
        needed = _smallest_side(base)
        if min(height, width) < needed:
            raise PictureError(
                f"{width} x {height} pixels are too few for {base!r}, which needs {needed} x {needed}; "
                "leave out the measure or the picture"
            )
    aligned: dict[str, Case] = {}
    figures = {}
    for name, (base, suffix) in zip(names, parts, strict=True):
        if suffix not in aligned:
            aligned[suffix] = _ALIGNMENTS[suffix](case)
        figures[name] = MEASURES[base](aligned[suffix])
    return figures


def _smallest_side(base: str) -> int:
    if base.startswith("hdrvdp"):
        return HDRVDP_SMALLEST_SIDE
    return fidelity.SSIM_WINDOW if "ssim" in base else 1
