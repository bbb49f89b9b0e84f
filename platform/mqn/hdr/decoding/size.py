"""How large a picture may be, judged by its header before anything is decoded."""

from __future__ import annotations

from pathlib import Path

from mqn.errors import PictureError

MAX_PIXELS = 200_000_000
"""Pictures that declare more are refused before a byte of them is decoded: phones stop there, and what claims more is
damaged or made to exhaust the memory. Decoding needs 12 bytes a pixel for the float32 picture, and about as much again
while it is made."""


def require_size(path: Path, width: int, height: int) -> None:
    """Check a picture's size as its header declares it.

    Raises:
        PictureError: it has no pixels, or more than `MAX_PIXELS`.
    """
    if width <= 0 or height <= 0:
        raise PictureError(f"{path}: has no pixels (its size is {width} x {height})")
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{path}: declares {width} x {height} pixels; at most {MAX_PIXELS // 10**6} megapixels are read: "
            "damaged, or to be cut into parts"
        )
