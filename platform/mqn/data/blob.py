"""A blob: the values of all pictures of a dataset, one after another, in one .npy file."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np


class BlobWriter:
    """Appends pictures to a new .npy file. Pictures are never all in memory; the header is put right at the end."""

    def __init__(self, path: Path, dtype: str) -> None:
        """Begin a file.

        Args:
            path: to write.
            dtype: of the values, as numpy writes it: `<f2`, `|u1`.
        """
        self._stream = path.open("wb")
        self._dtype = np.dtype(dtype)
        self.size = 0
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

    def add(self, values: np.ndarray) -> int:
        """Append a picture.

        Args:
            values: of any shape, of the blob's type.

        Returns:
            The place of its first value.
        """
        self._stream.write(values.tobytes())
        offset, self.size = self.size, self.size + values.size
        return offset

    def _write_header(self) -> None:
        # NumPy pads headers such that the first axis can grow without moving what follows.
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self.size,),
        }
        np.lib.format.write_array_header_1_0(self._stream, header)
