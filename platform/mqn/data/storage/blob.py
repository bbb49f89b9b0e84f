"""A blob: the values of all pictures of a dataset, one after another, in one .npy file."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mqn.data.storage.catalogue import Entry, InputEntry


def header(dtype: str, size: int) -> bytes:
    """Make the header of a .npy file of one axis: `size` values of a dtype in numpy's words (`<f2`, `|u1`)."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": (size,)})
    return stream.getvalue()


def map_blob(path: Path, dtype: str, entries: Sequence[Entry] | Sequence[InputEntry]) -> np.ndarray:
    """Map the blob of these pictures into memory.

    Returns:
        All values, read-only.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such blob; says what it is.
    """
    needed = max((e.offset + e.height * e.width * 3 for e in entries), default=0)
    if not needed:
        return np.empty(0, dtype)
    try:
        blob = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path.name}: {error}") from error
    if blob.ndim != 1 or blob.dtype != np.dtype(dtype) or blob.size != needed:
        raise ValueError(f"{path.name} holds {blob.size} values of {blob.dtype}, not {needed} of {np.dtype(dtype)}")
    return blob


def cut(blob: np.ndarray, entry: Entry | InputEntry) -> np.ndarray:
    """One picture out of a blob: (H, W, 3), a view."""
    values = blob[entry.offset : entry.offset + entry.height * entry.width * 3]
    return values.reshape(entry.height, entry.width, 3)


def value_hash(values: np.ndarray) -> str:
    """SHA-256 (64 hexadecimal digits) of a picture's values, row after row."""
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()
