"""The sizes of files and folders."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files below a folder; links are not followed, what is gone meanwhile counts 0."""
    with contextlib.suppress(FileNotFoundError):
        if path.is_symlink() or not path.is_dir():
            return path.lstat().st_size
        with os.scandir(path) as entries:
            return sum(size_of(Path(entry.path)) for entry in entries)
    return 0
