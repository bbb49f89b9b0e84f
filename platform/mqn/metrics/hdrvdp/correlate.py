"""The quality correlate Q of a pair of pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

SMALLEST = 17
"""Pixels that a picture's shorter side needs: those of the pyramid's largest filter."""


def quality(
    test: np.ndarray, reference: np.ndarray, pixels_per_degree: float = 30.0, *, device: str | torch.device = "cpu"
) -> float:
    """HDR-VDP-2.2's quality correlate Q: 100 for pictures without a visible difference, falling without a bound.

    Q depends on more than the pictures' content, so that two figures compare only at one angular resolution and one
    size: a higher `pixels_per_degree` (the same pixels seen from farther away) moves the content to higher frequencies
    and mostly lowers Q; an error pooled over four times the pixels counts for less, about +1.9. Values beyond what a
    display shows count as light: a prediction needs an absolute scale, see `prepare_p3` and
    `mqn.metrics.protocol`.

    Args:
        test: (H, W, 3) linear BT.709, absolute cd/m2, at least 0, finite; or (H, W) luminance of D65's colour. Both
            sides at least 17.
        reference: the same shape.
        pixels_per_degree: pixels in one degree of visual angle; 30 is usual, about 0.5 m from a desktop display.
        device: where torch computes, in float64: `cpu` or a CUDA device.

    Returns:
        At most 100. At even sizes within 1e-8 of release 2.2.1 under GNU Octave; where a level of the pyramid has an
        odd side, within 2e-5.

    Raises:
        ValueError: shapes that differ or are no pictures, values that are negative or not finite, an angular
            resolution that is not above 0, a device that is not there.
    """
    import torch

    from mqn.metrics.hdrvdp.comparison import changes, compare
    from mqn.metrics.hdrvdp.perception import perceive

    test, reference = np.asarray(test), np.asarray(reference)
    if test.shape != reference.shape:
        raise ValueError(f"test {test.shape} and reference {reference.shape} must have one shape; crop or resize one")
    for name, picture in (("test", test), ("reference", reference)):
        _check(picture, name)
    if not (math.isfinite(pixels_per_degree) and pixels_per_degree > 0):
        raise ValueError(f"{pixels_per_degree} pixels per degree; it must be a number above 0, usually 30")
    place = torch.device(device)
    if place.type != "cpu" and not (place.type == "cuda" and torch.cuda.is_available()):
        raise ValueError(f"no device {str(device)!r} here that computes in float64; take 'cpu'")
    with torch.no_grad():
        return compare(
            perceive(test, pixels_per_degree, place),
            perceive(reference, pixels_per_degree, place),
            changes(test, reference, place),
            pixels_per_degree,
        )


def _check(picture: np.ndarray, name: str) -> None:
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3):
        raise ValueError(f"{name} of shape {picture.shape}; it must be (H, W, 3) colour or (H, W) luminance")
    if min(picture.shape[:2]) < SMALLEST:
        raise ValueError(f"{name} of shape {picture.shape}; both sides must be at least {SMALLEST} pixels")
    if picture.dtype.kind not in "fiu":
        raise ValueError(f"{name} holds {picture.dtype}; it must hold real numbers, cd/m2")
    broken = picture.size - int(np.count_nonzero(np.isfinite(picture)))
    if broken:
        raise ValueError(f"{name} holds {broken} values that are NaN or infinite; mend the picture first")
    if picture.min() < 0:
        raise ValueError(f"{name} holds {picture.min()}; light is at least 0 cd/m2, clip the picture first")
