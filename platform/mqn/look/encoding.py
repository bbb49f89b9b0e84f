"""Pictures as files in memory: what pages hold."""

from __future__ import annotations

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
