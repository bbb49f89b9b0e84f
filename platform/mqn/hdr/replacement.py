"""Files that appear whole or not at all: written beside their place under another name, then put there at once."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from mqn.errors import PictureError
from mqn.publishing import sync_file, sync_folder


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write to, and move what was written to `path` if the block succeeds.

    A reader, and a run that goes on after a full disk or a kill, sees the former file or the new one, never a part.

    Args:
        path: the file to be; replaced if it exists.

    Yields:
        A name in the same folder with the same suffix; it is gone when the block fails.

    Raises:
        PictureError: the block or the move ended in an `OSError`: disk full, no such folder, no permission.
    """
    temporary = path.with_name(f".{path.stem[:20]}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        if path.is_dir():
            raise PictureError(f"{path}: cannot be written: is a folder")
        # Ledgers take what has its name for finished: it has to be there after a power cut too.
        sync_file(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise PictureError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        # After a success there is nothing left under that name; on a folder that went away neither.
        with contextlib.suppress(OSError):
            temporary.unlink()
