"""fsspec's local files, but each appears whole or not at all, and one of two creators wins."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem


class WholeFileSystem(LocalFileSystem):
    """Writes beside the target first; fsspec's own writes in place, and looks before it creates."""

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite") -> None:
        """Write a file.

        Raises:
            FileExistsError: the mode is `create` and there is one; also where another process was faster.
        """
        target = Path(self._strip_protocol(path))
        with _beside(target) as new:
            new.write_bytes(value)
            if mode != "create" or not _linked(new, target):
                new.replace(target)

    def put_file(self, lpath: str, rpath: str) -> None:
        """Copy a file to here."""
        target = Path(self._strip_protocol(rpath))
        with _beside(target) as new:
            shutil.copyfile(lpath, new)
            new.replace(target)


def _linked(new: Path, target: Path) -> bool:
    """Give the new file its name; false on a file system without links, where the name is only reserved."""
    try:
        os.link(new, target)
    except FileExistsError:
        raise
    except OSError:
        target.touch(exist_ok=False)
        return False
    return True


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """The name of a new file beside the target; it is removed where it is left."""
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f".{secrets.token_hex(4)}.new")
    try:
        yield new
    finally:
        new.unlink(missing_ok=True)
