"""OpenCV's tone-mapping operators, called such that what comes back can be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np


def process(operator: cv2.Tonemap, scene: np.ndarray) -> np.ndarray | None:
    """Run one of OpenCV's tone-mapping operators.

    Args:
        operator: made with gamma 1. OpenCV raises to 1 / gamma in its last step, and rounding has put the darkest
            values a little below 0 by then: most pictures would get NaN. Apply gamma to the result instead.
        scene: (H, W, 3) float32, linear, with 1 as its largest value. Others may leave float32's range.

    Returns:
        (H, W, 3) float32 in [0, 1]. None where the operator cannot map the picture: if all its pixels are equal,
        Mantiuk raises and Reinhard returns NaN.
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
