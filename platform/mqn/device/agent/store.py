"""Uploaded models by the SHA-256 of their bytes, within a quota: the longest unused go first."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterable
from pathlib import Path

SUFFIX = ".tflite"
QUOTA_BYTES = 2_000_000_000


class TooLargeError(Exception):
    """More bytes were sent than one model may have."""


class WrongHashError(Exception):
    """The bytes are not those that their name says."""


class Store:
    """A folder of models."""

    def __init__(self, folder: Path, quota_bytes: int = QUOTA_BYTES) -> None:
        """Open it.

        Args:
            folder: made if absent.
            quota_bytes: what the models may take together; the newest always stays.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._quota_bytes = quota_bytes

    def has(self, sha256: str) -> bool:
        """Whether the model is here; if so it counts as used now."""
        try:
            os.utime(self._path(sha256))
        except FileNotFoundError:
            return False
        return True

    def lend(self, sha256: str, target: Path) -> bool:
        """Put a model elsewhere, where dropping it from the store does not hurt it.

        Args:
            sha256: which.
            target: a path on which nothing lies.

        Returns:
            Whether it was here.
        """
        try:
            os.link(self._path(sha256), target)
        except FileNotFoundError:
            return False
        except OSError:  # a file system without links
            shutil.copyfile(self._path(sha256), target)
        return True

    async def receive(self, sha256: str, chunks: AsyncIterable[bytes], max_bytes: int) -> None:
        """Take a model in, whole or not at all.

        Args:
            sha256: the name it was sent under.
            chunks: its bytes.
            max_bytes: how many there may be.

        Raises:
            TooLargeError: there are more; the rest is not read.
            WrongHashError: they are not what the name says.
        """
        digest, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(prefix=".incoming-", dir=self._folder)
        incoming = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > max_bytes:
                        raise TooLargeError
                    digest.update(chunk)
                    stream.write(chunk)
            if digest.hexdigest() != sha256:
                raise WrongHashError
            incoming.chmod(0o400)
            incoming.replace(self._path(sha256))
        finally:
            incoming.unlink(missing_ok=True)
        self._keep_quota(self._path(sha256))

    def _keep_quota(self, newest: Path) -> None:
        found = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            status = path.stat()
            found.append((path == newest, status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, _, size, _ in found)
        for is_newest, _, size, path in sorted(found):
            if total <= self._quota_bytes or is_newest:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}{SUFFIX}"
