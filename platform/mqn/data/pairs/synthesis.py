"""The 8-bit picture that a camera or an editor might have made of an HDR scene: one of four operators, drawn at random.

The operators and the ranges of their parameters are those that the paper's authors train with. Three are OpenCV's; the
fourth, percentile exposure, stretches a share of the values over the 8 bits and clips the rest, as a camera does.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from mqn.hdr import opencv

FALLBACK = "percentile"


def make_ldr(hdr: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, str]:
    """Make an LDR picture of an HDR one, by an operator and parameters drawn at random.

    OpenCV's operators cannot map some pictures (Mantiuk raises and Reinhard returns NaN where all pixels are equal).
    Then percentile exposure is drawn in their place, and its name is returned: the name is always that of the operator
    that made the picture.

    Args:
        hdr: (H, W, 3) float32, linear, finite, not negative; its scale does not matter.
        generator: the only source of chance. How much is drawn from it depends on the operator.

    Returns:
        (H, W, 3) float32 code values k / 255 from 0 to 1, unless it is of one colour, and the name, one of `OPERATORS`.
    """
    peak = float(hdr.max())
    # OpenCV computes in float32: with the peak at 1 neither tiny nor huge pictures leave its range.
    scene = np.ascontiguousarray(hdr, np.float32) / np.float32(peak if peak > 0 else 1)
    name = OPERATORS[generator.integers(len(OPERATORS))]
    display = _OPERATORS[name](scene, generator)
    if display is None:
        name = FALLBACK
        display = _percentile(scene, generator)
    low, high = float(display.min()), float(display.max())
    if high > low:
        display = (display - np.float32(low)) / np.float32(high - low)
    return np.rint(np.clip(display, 0, 1) * 255).astype(np.float32) / np.float32(255), name


def _percentile(scene: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    gamma = generator.uniform(1.8, 2.2)
    low, high = np.percentile(scene, (generator.uniform(0, 15), generator.uniform(85, 100)))
    if high <= low:
        # A picture of few bright pixels: both percentiles fall among the dark ones.
        low, high = float(scene.min()), float(scene.max())
    if high <= low:
        return np.clip(scene, 0, 1)
    exposed = np.clip((scene - np.float32(low)) / np.float32(high - low), 0, 1)
    return _gamma(exposed, gamma)


def _reinhard(scene: np.ndarray, generator: np.random.Generator) -> np.ndarray | None:
    gamma, intensity = generator.uniform(1.8, 2.2), generator.uniform(-1, 1)
    light, color = generator.uniform(0.8, 1), generator.uniform(0, 0.2)
    return _opencv(cv2.createTonemapReinhard(1.0, intensity, light, color), scene, gamma)


def _mantiuk(scene: np.ndarray, generator: np.random.Generator) -> np.ndarray | None:
    gamma, contrast = generator.uniform(1.8, 2.2), generator.uniform(0.65, 0.85)
    return _opencv(cv2.createTonemapMantiuk(1.0, contrast, 1.0), scene, gamma)


def _drago(scene: np.ndarray, generator: np.random.Generator) -> np.ndarray | None:
    gamma, bias = generator.uniform(1.8, 2.2), generator.uniform(0.7, 0.9)
    return _opencv(cv2.createTonemapDrago(1.0, 1.0, bias), scene, gamma)


_OPERATORS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray | None]] = {
    "percentile": _percentile,
    "reinhard": _reinhard,
    "mantiuk": _mantiuk,
    "drago": _drago,
}
OPERATORS = tuple(_OPERATORS)
"""The operators' names; each is drawn as often as any other."""


def _opencv(operator: cv2.Tonemap, scene: np.ndarray, gamma: float) -> np.ndarray | None:
    """Run an operator whose own gamma is 1 and apply gamma here; None where it cannot map the picture."""
    mapped = opencv.process(operator, scene)
    return None if mapped is None else _gamma(mapped, gamma)


def _gamma(values: np.ndarray, gamma: float) -> np.ndarray:
    return np.asarray(np.power(values, np.float32(1 / gamma)))
