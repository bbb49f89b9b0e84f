"""The parts of a gallery as pictures, the same for PNG and page: framed wholes, crops, maps of differences."""

from __future__ import annotations

import math

import cv2
import numpy as np

from mqn.hdr.tonemap import KEY
from mqn.look.palette import ACCENT, SERIES
from mqn.scoring.gallery.regions import BLACK_CODE, Region
from mqn.scoring.gallery.views import View
from mqn.scoring.tiles import heat

OVER, UNDER = SERIES[1], ACCENT
"""Colours of frames: over-exposed and under-exposed."""

BRIGHTEST = 100.0
"""Differences in units of what is just noticeable that a map shows at its brightest; its darkest is 1."""

NOTE = (
    f"Methods and truth: Reinhard's global operator (key {KEY:g}), all at the truth's exposure; inputs as they are. "
    "Q: HDR-VDP-2.2's at 30 pixels per degree, 1000 cd/m2 for the truth's 99.9 % point; no method's exposure is "
    "corrected. Frames: the squares of the input with the most clipped pixels (orange), and with the most at code "
    f"{BLACK_CODE} or below (blue). Maps: HDR-VDP-2.2's visible differences from the truth, black where just "
    f"noticeable or less, light yellow from {BRIGHTEST:g} times that."
)

_CROP = 240  # Pixels that a crop's side is enlarged to.


def regions(view: View) -> list[tuple[Region, str]]:
    """What is cropped out of a picture, with the colours of its frames."""
    both = ((view.over, OVER), (view.under, UNDER))
    return [(region, color) for region, color in both if region is not None]


def region_words(view: View) -> str:
    """What of a picture is over-exposed and under-exposed, in a few words."""
    words = []
    for name, region in (("over-exposed", view.over), ("under-exposed", view.under)):
        words.append(f"{name} {100 * region.share:.0f} % of the square" if region else f"nothing {name}")
    return ", ".join(words)


def framed(view: View, image: np.ndarray) -> np.ndarray:
    """A picture, (H, W, 3) in [0, 1], with the frames of its crops."""
    drawn = np.array(image, np.float32)
    thick = max(1, round(min(drawn.shape[:2]) / 120))
    for region, color in regions(view):
        corner = (region.left, region.top), (region.left + region.side - 1, region.top + region.side - 1)
        cv2.rectangle(drawn, *corner, _rgb(color), thick)
    return drawn


def crop(image: np.ndarray, region: Region, color: str) -> np.ndarray:
    """A region of a picture, enlarged so that its pixels stay visible, in a frame: (S, S, 3)."""
    factor = max(1, _CROP // region.side)
    enlarged = np.repeat(np.repeat(region.of(image), factor, axis=0), factor, axis=1)
    thick = max(2, enlarged.shape[0] // 60)
    return cv2.copyMakeBorder(np.asarray(enlarged, np.float32), *(thick,) * 4, cv2.BORDER_CONSTANT, value=_rgb(color))


def difference_map(differences: np.ndarray) -> np.ndarray:
    """A map of visible differences, (H, W) to (H, W, 3), on a logarithmic scale from 1 to `BRIGHTEST`."""
    return heat(np.log10(np.clip(differences, 1.0, BRIGHTEST)) / math.log10(BRIGHTEST))


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
