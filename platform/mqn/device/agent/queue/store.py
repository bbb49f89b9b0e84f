"""Uploaded models by the SHA-256 of their bytes, within a quota: the longest unused go first."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterable
from pathlib import Path

from mqn.device.agent.queue.disk import RESERVE_BYTES, free_bytes, room_needed
from mqn.device.agent.queue.refusals import TooLargeError, WrongHashError
from mqn.files.publishing import sync_folder

SUFFIX = ".tflite"
INCOMING = ".incoming-"
QUOTA_BYTES = 2_000_000_000


class Store:
    """A folder of models."""

    def __init__(self, folder: Path, quota_bytes: int = QUOTA_BYTES) -> None:
        """Open it.

        Args:
            folder: made if absent; what uploads left there when an agent was killed is removed.
            quota_bytes: what the models may take together; the newest always stays.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(f"{INCOMING}*"):
            path.unlink()
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
        """Put a model elsewhere too, so that the store may drop it.

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

    async def receive(self, sha256: str, chunks: AsyncIterable[bytes], max_bytes: int, expected: int = 0) -> int:
        """Store a model, whole or not at all.

        Args:
            sha256: the name it was sent under.
            chunks: its bytes.
            max_bytes: how many there may be.
            expected: how many were announced; models that were not used for long make room for them.

        Returns:
            How many there were.

        Raises:
            TooLargeError: there are more; the rest is not read.
            WrongHashError: they are not what the name says.
            FullDiskError: the disk has no room for them.
        """
        self._make_room(expected)
        digest, size = hashlib.sha256(), 0
        with room_needed("a model"):
            handle, name = tempfile.mkstemp(prefix=INCOMING, dir=self._folder)
            incoming = Path(name)
            try:
                # Unbuffered: a full disk shows at once, and not by a second failure at the end.
                with os.fdopen(handle, "wb", buffering=0) as stream:
                    async for chunk in chunks:
                        size += len(chunk)
                        if size > max_bytes:
                            raise TooLargeError(f"a model may have at most {max_bytes} bytes")
                        digest.update(chunk)
                        _write(stream.fileno(), chunk)
                    # A power cut must not leave other bytes under this name: they would be measured as the model's.
                    await asyncio.to_thread(os.fsync, stream.fileno())
                if digest.hexdigest() != sha256:
                    raise WrongHashError(f"the bytes sent do not have the SHA-256 {sha256}")
                incoming.chmod(0o400)
                incoming.replace(self._path(sha256))
                await asyncio.to_thread(sync_folder, self._folder)
            finally:
                incoming.unlink(missing_ok=True)
        self._keep_quota(self._path(sha256))
        return size

    def size(self) -> tuple[int, int]:
        """How many models are here, and their bytes together."""
        sizes = [size for _, size, _ in self._list()]
        return len(sizes), sum(sizes)

    def _make_room(self, wanted_bytes: int) -> None:
        # A quota does not mean that the disk has the room: other files may fill it.
        self._drop(wanted_bytes + RESERVE_BYTES - free_bytes(self._folder))

    def _keep_quota(self, newest: Path) -> None:
        self._drop(sum(size for _, size, _ in self._list()) - self._quota_bytes, newest)

    def _drop(self, bytes_too_many: int, kept: Path | None = None) -> None:
        for _, size, path in sorted(self._list()):
            if bytes_too_many <= 0:
                return
            if path != kept:
                path.unlink(missing_ok=True)
                bytes_too_many -= size

    def _list(self) -> list[tuple[int, int, Path]]:
        """When each model was last used (ns), its bytes, where it lies."""
        found = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            status = path.stat()
            found.append((status.st_mtime_ns, status.st_size, path))
        return found

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}{SUFFIX}"


def _write(handle: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(handle, view) :]
