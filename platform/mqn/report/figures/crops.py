"""Squares of a picture that a figure shows larger: given by the user, or where two pictures differ most."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mqn.errors import UsageError

_SHARE = 4  # of the shorter side is what a chosen square has


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """A square in pixels: column `x` and row `y` of its upper left corner, and its side."""

    x: int
    y: int
    size: int

    def of(self, image: np.ndarray) -> np.ndarray:
        """This part of an image, (H, W, ...), that holds it."""
        return image[self.y : self.y + self.size, self.x : self.x + self.size]

    def inside(self, height: int, width: int) -> bool:
        """Whether a picture of that size holds it."""
        return self.x + self.size <= width and self.y + self.size <= height


def parse_crops(words: Iterable[str]) -> dict[str, Crop]:
    """Read words of the form NAME:x,y,size; the name may hold colons.

    Raises:
        UsageError: a word of another form, or two for one picture.
    """
    crops: dict[str, Crop] = {}
    for word in words:
        found = re.fullmatch(r"(.+):(\d{1,6}),(\d{1,6}),(\d{1,6})", word, re.ASCII | re.DOTALL)
        if found is None or int(found[4]) < 1:
            raise UsageError(
                f"--crop {word!r}: write NAME:x,y,size, whole pixels from the upper left corner, for example "
                "--crop lamp:64,32,48"
            )
        if found[1] in crops:
            raise UsageError(f"--crop {word!r}: {found[1]!r} has a crop already; give one a picture")
        crops[found[1]] = Crop(x=int(found[2]), y=int(found[3]), size=int(found[4]))
    return crops


def most_different(first: np.ndarray, second: np.ndarray) -> Crop:
    """The square in which two images differ most: the largest sum of |difference|, over all channels.

    Its side is a quarter of the images' shorter one. Of equal squares it is the first, row by row.

    Args:
        first: (H, W, 3), display-referred.
        second: the same shape.
    """
    import cv2

    height, width = first.shape[:2]
    size = max(min(height, width) // _SHARE, 1)
    sums = cv2.integral(np.abs(first.astype(np.float64) - second).sum(axis=2))
    within = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    y, x = np.unravel_index(within.argmax(), within.shape)
    return Crop(x=int(x), y=int(y), size=size)
