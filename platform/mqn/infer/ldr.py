"""LDR pictures of other programs, checked, as models take them."""

from __future__ import annotations

import numpy as np

from mqn.errors import PictureError


def as_ldr(ldr: np.ndarray) -> np.ndarray:
    """An LDR picture as float32 in [0, 1], checked.

    Args:
        ldr: (H, W, 3), red first: uint8 (0 to 255), uint16 (0 to 65535), or floats in [0, 1].

    Raises:
        PictureError: the array has another shape or type, is empty, or has values outside the range.
    """
    given = np.asarray(ldr)
    if given.ndim != 3 or given.shape[2] != 3 or not given.size:
        raise PictureError(f"the picture has shape {given.shape}; give (H, W, 3), red first")
    if given.dtype in (np.uint8, np.uint16):
        return given.astype(np.float32) / np.iinfo(given.dtype).max
    if given.dtype.kind != "f":
        raise PictureError(f"the picture has type {given.dtype}; give uint8, uint16, or floats in [0, 1]")
    values = given.astype(np.float32)
    if not (values.min() >= 0 and values.max() <= 1):  # NaN too.
        raise PictureError(f"the picture has values from {values.min():g} to {values.max():g}; give floats in [0, 1]")
    return values
