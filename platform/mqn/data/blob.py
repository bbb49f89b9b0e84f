"""The blob: pixels of all pictures of a dataset, one after another, as half floats in one .npy file."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

LARGEST_EXPONENT = 15
"""Stored values stay below 2**15: half floats end at 65504, and below 2**-14 they lose digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Where and how a picture was stored; fields as of `mqn.data.catalogue.Entry`."""

    height: int
    width: int
    offset: int
    scale: float
    sha256: str


class BlobWriter:
    """Appends pictures to a new .npy file. Pictures are never all in memory; the header is put right at the end."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("wb")
        self._size = 0
        self._write_header()

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._stream.seek(0)
                self._write_header()
        finally:
            self._stream.close()

    def add(self, image: np.ndarray) -> Stored:
        """Append a picture.

        Args:
            image: (H, W, 3) float32, finite, not negative, not black.

        Returns:
            Where it lies. Scaling by a power of 2 changes no digit of it: half-float files that were not downscaled
            are stored exactly, other values to one part in 2048.
        """
        exponent = math.frexp(float(image.max()))[1] - LARGEST_EXPONENT
        values = np.ldexp(image, -exponent).astype(np.float16)
        pixels = values.tobytes()
        self._stream.write(pixels)
        offset, self._size = self._size, self._size + values.size
        return Stored(
            height=image.shape[0],
            width=image.shape[1],
            offset=offset,
            scale=math.ldexp(1.0, exponent),
            sha256=hashlib.sha256(pixels).hexdigest(),
        )

    def _write_header(self) -> None:
        # NumPy pads headers such that the first axis can grow without moving what follows.
        header = {
            "descr": np.lib.format.dtype_to_descr(np.dtype("<f2")),
            "fortran_order": False,
            "shape": (self._size,),
        }
        np.lib.format.write_array_header_1_0(self._stream, header)
