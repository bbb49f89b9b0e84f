"""Colour error: the angle between the predicted and the true RGB vector of a pixel, whatever its brightness."""

from __future__ import annotations

import math

import numpy as np

from mqn.metrics.fidelity import require_pictures


def cosine_similarity(test: np.ndarray, reference: np.ndarray) -> float:
    """Mean cosine of the angle between predicted and true RGB vectors: 1 less the paper's cosine loss (section 3.3).

    The result lies in 0 .. 1; it is 1 where every pixel has its true colour. Arguments and errors are those of
    `angular_error_deg`.
    """
    angles = _angles(test, reference)
    return float(np.cos(angles).mean()) if angles.size else math.nan


def angular_error_deg(test: np.ndarray, reference: np.ndarray) -> float:
    """Mean angle between predicted and true RGB vectors, a pixel at a time.

    Pixels that are black in either picture have no colour and do not count.

    Args:
        test: (H, W, 3) linear, any unit, not negative.
        reference: the same shape, the truth, any unit.

    Returns:
        Degrees, 0 .. 90. NaN where every pixel is black in either picture.

    Raises:
        ValueError: the shapes differ.
    """
    angles = _angles(test, reference)
    return math.degrees(float(angles.mean())) if angles.size else math.nan


def _angles(test: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """(N,) radians, of the pixels that have a colour in both pictures."""
    require_pictures(test, reference)
    lit = (test > 0).any(axis=-1) & (reference > 0).any(axis=-1)
    a, b = test[lit].astype(np.float64), reference[lit].astype(np.float64)
    # The arc cosine would lose half of the digits at small angles.
    angles: np.ndarray = np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1))
    return angles
