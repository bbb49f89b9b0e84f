"""Where an input has lost most: squares of it in which the most pixels are clipped, or nearly black."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mqn.metrics.clipped import clipped_region

BLACK_CODE = 16
"""Of 255: a pixel is nearly black where no channel of the input has a larger code value."""

LEAST_SHARE = 0.05
"""Of a square's pixels; below, nothing worth showing is lost there."""

_PARTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A square of a picture.

    Attributes:
        top, left: its first row and column.
        side: in pixels.
        share: of its pixels that are lost, 0 to 1.
    """

    top: int
    left: int
    side: int
    share: float

    def of(self, image: np.ndarray) -> np.ndarray:
        """Cut it out of a picture, (H, W, ...)."""
        return image[self.top : self.top + self.side, self.left : self.left + self.side]


def over_exposed(ldr: np.ndarray) -> Region | None:
    """The square with the most clipped pixels (`mqn.metrics.clipped`), as `densest`.

    `ldr` is (H, W, 3) in [0, 1], display-referred.
    """
    return densest(clipped_region(ldr))


def under_exposed(ldr: np.ndarray) -> Region | None:
    """The square with the most nearly black pixels, as `over_exposed`."""
    return densest(np.rint(255 * np.asarray(ldr, np.float64)).max(axis=-1) <= BLACK_CODE)


def densest(lost: np.ndarray) -> Region | None:
    """The square, a quarter of the shorter side long, that holds the most of what is lost.

    Args:
        lost: (H, W) bool.

    Returns:
        Of equal ones that nearest to the picture's centre; None where no square has `LEAST_SHARE`.
    """
    height, width = lost.shape
    side = max(1, min(height, width) // _PARTS)
    sums = cv2.integral(lost.astype(np.uint8))
    counts = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    most = int(counts.max())
    if most < LEAST_SHARE * side**2:
        return None
    tops, lefts = np.nonzero(counts == most)
    beside = (tops - (height - side) / 2) ** 2 + (lefts - (width - side) / 2) ** 2
    nearest = int(beside.argmin())
    return Region(top=int(tops[nearest]), left=int(lefts[nearest]), side=side, share=most / side**2)
