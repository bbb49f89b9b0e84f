"""Files that torch wrote, read as plain values and tensors: no code in them is run, and none ends the program.

What a parser raises on bytes that somebody made up is not documented, and grows with every version: at this boundary
every exception means that the file is damaged.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

_BYTES_BEYOND = 1 << 20


def load_plain(path: Path) -> Any:
    """Read a file of plain values and tensors, onto the CPU.

    Args:
        path: what `torch.save` wrote.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or holds more than values and tensors; a short line says what was wrong.
    """
    with path.open("rb"):
        pass  # A missing file is no damaged one.
    try:
        _require_stored(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(_reason(error)) from error


def _require_stored(path: Path) -> None:
    """Torch stores its tensors as they are: what says that it grows when it is read was made by somebody else."""
    if not zipfile.is_zipfile(path):
        return  # The form before torch 1.6: read straight from the file, which bounds it.
    with zipfile.ZipFile(path) as archive:
        whole = sum(info.file_size for info in archive.infolist())
    if whole > path.stat().st_size + _BYTES_BEYOND:
        raise ValueError(f"it would grow to {whole} bytes")


def _reason(error: Exception) -> str:
    words = " ".join(str(error).split()).split(". ")[0].rstrip(".")
    return words[:200] or type(error).__name__
