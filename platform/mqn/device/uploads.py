"""Uploads of models to an agent: each is sent once, under its SHA-256."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

from mqn.device import wire
from mqn.device.connection import Connection
from mqn.errors import DeviceRefusedError, ModelFileError

CHUNK_BYTES = 1 << 20


def send_files(connection: Connection, files: Mapping[str, Path]) -> None:
    """Send the files that an agent lacks, by their SHA-256.

    Raises:
        DeviceAwayError: it cannot be reached, or its disk is full.
        DeviceRefusedError: a file is too large.
        ModelFileError: a file cannot be read.
    """
    for sha256, path in files.items():
        try:
            size = path.stat().st_size
        except OSError as error:
            raise ModelFileError(f"cannot read {path}: {error.strerror}") from error
        if size > wire.MAX_MODEL_BYTES:
            raise DeviceRefusedError(f"{path} has {size} bytes; a model may have at most {wire.MAX_MODEL_BYTES}")
        name = f"{wire.MODELS}/{sha256}"
        if connection.send("HEAD", name, allow=(404,)).status_code == 404:
            connection.send("PUT", name, headers={"Content-Length": str(size)}, body=functools.partial(_chunks, path))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk
