"""Folders for work on its way, beside what it becomes; one that a killed process left is known and removed."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_MARK = ".made-by-mqn-select"
"""Stands in every such folder and is locked while it is in use: whatever has none of it is not ours to remove."""


@contextlib.contextmanager
def staging(target: Path) -> Iterator[Path]:
    """A new folder on the target's file system; gone when the block ends, however it ends.

    Args:
        target: what the work becomes; its parent is made if absent.

    Raises:
        OSError: the parent cannot be made or written to.
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
    """Remove a staging folder whose process is gone: the lock went with it."""
    if folder.is_symlink() or not (folder / _MARK).is_file():
        return
    with contextlib.suppress(OSError), (folder / _MARK).open("r+") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
