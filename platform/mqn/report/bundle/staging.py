"""Temporary folders beside their target; folders that killed processes left are removed."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_MARK = ".made-by-mqn-select"
"""A file in every such folder, locked while the folder is in use. A folder without it is never removed."""


@contextlib.contextmanager
def staging(target: Path) -> Iterator[Path]:
    """Make a folder beside the final folder; it is removed when the block ends.

    Raises:
        OSError: the final folder's parent cannot be made or written to.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name[:100]}.select-"
    for left in target.parent.glob(f"{prefix}*"):
        _remove_if_left(left)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        with (folder / _MARK).open("w") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_left(folder: Path) -> None:
    """Remove a folder whose process has ended: its lock is free."""
    if folder.is_symlink() or not (folder / _MARK).is_file():
        return
    with contextlib.suppress(OSError), (folder / _MARK).open("r+") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
