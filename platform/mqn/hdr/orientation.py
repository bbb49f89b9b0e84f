"""How a camera was held: EXIF's orientation, 1 to 8, undone."""

from __future__ import annotations

import numpy as np


def turn_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a picture as EXIF's tag 274 says that it is to be shown (Exif 2.32, table 4).

    Args:
        pixels: (H, W) or (H, W, channels) as stored.
        orientation: 1 (upright) to 8; others count as 1, as viewers take them.

    Returns:
        A view, height and width exchanged for 5 to 8.
    """
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
