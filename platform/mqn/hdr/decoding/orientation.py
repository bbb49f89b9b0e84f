"""How a camera was held: EXIF's orientation, 1 to 8, undone."""

from __future__ import annotations

import numpy as np


def turn_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a picture upright as EXIF's tag 274 says (Exif 2.32, table 4). The result is a view.

    `pixels` is (H, W) or (H, W, channels). Orientation 1 is upright; 5 to 8 exchange height and width. Numbers other
    than 1 to 8 count as 1, as in viewers.
    """
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def turn_stored(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an upright picture as the file stores it: `turn_upright` undone. The result is a view."""
    # All but the two quarter turns undo themselves.
    return turn_upright(pixels, {6: 8, 8: 6}.get(orientation, orientation))
