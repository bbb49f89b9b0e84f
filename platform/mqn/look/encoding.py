"""Pictures as files in memory, at the size of a page: what pages hold."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

_JPEG_QUALITY = 88  # good enough to look at


def encode(image: np.ndarray, suffix: Literal[".jpg", ".png"] = ".jpg") -> bytes:
    """Write (H, W, 3) RGB, display-referred, as a picture's file; values outside [0, 1] are clipped."""
    import cv2

    codes = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)[..., ::-1]
    settings = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if suffix == ".jpg" else []
    done, content = cv2.imencode(suffix, codes, settings)
    assert done, "both kinds take every array of bytes"
    return bytes(content)


def fit(image: np.ndarray, side: int) -> np.ndarray:
    """Bring (H, W, ...) to at most `side` pixels of the longer side.

    Larger pictures are averaged. Smaller ones are enlarged by whole numbers without smoothing, so that their pixels
    stay visible.
    """
    import cv2

    height, width = image.shape[:2]
    factor = side / max(height, width)
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
    factor = factor if factor < 1 else math.floor(factor)
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    return np.asarray(cv2.resize(np.asarray(image, np.float32), size, interpolation=method))
