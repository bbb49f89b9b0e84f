"""Parts of a dataset in the making, one a picture. A part is whole as soon as it is there; nothing is done twice.

A part is two files, `<key>.bin` with the picture's values and those of its camera inputs (empty, if it cannot be used),
and `<key>.json`, written last, with what is known of it; `<key>.try` is there while it is being decoded. The key is of
the source files' states and the settings: a picture that was changed, or is wanted at another size, has another.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mqn.data.preparation.decoding import Decoded, Part
from mqn.data.storage.folders import Storage
from mqn.errors import ConfigError, DataError
from mqn.parsing import from_mapping, to_plain

PART_FORMAT = 2
"""Raised when a part holds other fields, or when reading makes other values of the same file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRecord:
    """What became of a picture.

    Attributes:
        part: what is stored of it; None if it cannot be used.
        reason: why it cannot be used; empty if it can.
    """

    part: Part | None = None
    reason: str = ""


class Staging:
    """A folder of parts."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def place(self) -> str:
        """Where it lies."""
        return self._storage.place

    def keys(self) -> set[str]:
        """The keys of all that is done; raises `OSError` if the folder cannot be read."""
        names = self._storage.files()
        # A process killed while it cleared the folder leaves records without values, and values without records.
        keys = {name.removesuffix(".json") for name in names if name.endswith(".json")}
        return {key for key in keys if f"{key}.bin" in names}

    @contextlib.contextmanager
    def attempt(self, key: str) -> Iterator[int]:
        """Announce that a picture is being decoded, for as long as the block lasts.

        Yields:
            How many processes have ended in such a block without leaving it.

        Raises:
            OSError: the folder cannot be read or written.
        """
        name = f"{key}.try"
        try:
            deaths = len(self._storage.read(name))
        except FileNotFoundError:
            deaths = 0
        self._storage.write(name, b"x" * (deaths + 1))
        try:
            yield deaths
        finally:
            self._storage.remove(name)

    def put(self, key: str, decoded: Decoded) -> None:
        """Keep a part; raises `OSError` if it cannot be written."""
        values = b"".join(array.tobytes() for array in (decoded.picture, *decoded.inputs))
        self._storage.write(f"{key}.bin", values)
        self._note(key, PartRecord(part=decoded.part))

    def leave_out(self, key: str, reason: str) -> None:
        """Keep why a picture cannot be used; raises `OSError` if it cannot be written."""
        self._storage.write(f"{key}.bin", b"")
        self._note(key, PartRecord(reason=reason))

    def records(self, keys: Sequence[str]) -> Iterator[PartRecord]:
        """What became of pictures, in order.

        Raises:
            OSError: one cannot be read.
            DataError: one is not what was written; it is gone and will be made anew.
        """
        for key, content in zip(keys, self._storage.read_many([f"{key}.json" for key in keys]), strict=True):
            try:
                yield from_mapping(PartRecord, json.loads(content), source=f"{key}.json")
            except (ConfigError, ValueError) as error:
                raise self._damaged(key, f"{key}.json") from error

    def values(self, key: str, part: Part) -> tuple[bytes, list[bytes]]:
        """The values of a picture and of its inputs, checked against their hashes.

        Raises:
            OSError: they cannot be read.
            DataError: they are not those that were written; the part is gone and will be made anew.
        """
        content = self._storage.read(f"{key}.bin")
        count = part.height * part.width * 3
        picture = content[: count * np.dtype(np.float16).itemsize]
        inputs = [content[len(picture) + i * count :][:count] for i in range(len(part.inputs))]
        hashes = [part.sha256, *(one.sha256 for one in part.inputs)]
        if [hashlib.sha256(values).hexdigest() for values in (picture, *inputs)] != hashes:
            raise self._damaged(key, f"{key}.bin")
        return picture, inputs

    def clear(self) -> None:
        """Remove all of it."""
        self._storage.remove()

    def _damaged(self, key: str, name: str) -> DataError:
        # Written whole, but a machine that lost its power may not have kept what it wrote.
        self._storage.remove(f"{key}.json")
        return DataError(f"{self.place}/{name} is damaged; run the same command again, only this picture is redone")

    def _note(self, key: str, record: PartRecord) -> None:
        self._storage.write(f"{key}.json", json.dumps(to_plain(record), allow_nan=False).encode())
