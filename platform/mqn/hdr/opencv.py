"""OpenCV's tone-mapping operators, called such that what comes back can be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np


def process(operator: cv2.Tonemap, scene: np.ndarray) -> np.ndarray | None:
    """Run an operator.

    Args:
        operator: made with gamma 1. OpenCV raises to 1 / gamma as its last step, on values that rounding has put a
            little below 0 wherever the picture is darkest: NaN in most pictures. Apply gamma to what comes back.
        scene: (H, W, 3) float32 linear, largest value 1: tiny and huge pictures would leave the range of float32.

    Returns:
        (H, W, 3) float32 in [0, 1], before any gamma; None where the operator cannot map the picture (Mantiuk raises
        and Reinhard returns NaN where all pixels are equal).
    """
    try:
        with _quiet():
            mapped = operator.process(np.ascontiguousarray(scene, np.float32))
    except cv2.error:
        return None
    return np.clip(mapped, 0, 1) if np.isfinite(mapped).all() else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back the warning that OpenCV 5's own operators cause in OpenCV 5 (its issue 16739)."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
