"""Prepared datasets: pictures mapped into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from mqn.data.storage import blob
from mqn.data.storage.catalogue import (
    CATALOGUE,
    FORMAT,
    INPUTS,
    PICTURES,
    SPLITS,
    Catalogue,
    Entry,
    InputEntry,
    Progress,
    Split,
    hash_entries,
)
from mqn.data.storage.folders import LocalStorage, open_storage
from mqn.data.storage.mirror import mirror
from mqn.errors import ConfigError, DataError
from mqn.parsing import read_json


class Dataset:
    """A prepared dataset. Its pictures are mapped into memory, so opening is cheap and processes share the pages."""

    def __init__(
        self, place: str, folder: Path, catalogue: Catalogue, pictures: np.ndarray, inputs: np.ndarray
    ) -> None:
        self.place = place
        self.folder = folder
        self.catalogue = catalogue
        self._pictures = pictures
        self._input_pixels = inputs
        self._entries = {split: [e for e in catalogue.pictures if e.split == split] for split in SPLITS}
        self._inputs = {split: [e for e in catalogue.inputs if e.split == split] for split in SPLITS}

    def __reduce__(self) -> tuple[Callable[[str], Dataset], tuple[str]]:
        # Sent to another process, a dataset is opened there; its pixels do not travel.
        return Dataset.open, (self.place,)

    @classmethod
    def open(cls, path: Path | str, *, progress: Progress | None = None) -> Dataset:
        """Open a prepared folder.

        Args:
            path: the folder that `mqn.data.preparation.prepare.prepare` wrote, or its URL: then a copy is made once
                under `$MQN_HOME/data`.
            progress: told of MiB while a copy is made.

        Raises:
            DataError: it is not such a folder, or damaged; says what to do.
        """
        storage = open_storage(path)
        folder = storage.path if isinstance(storage, LocalStorage) else mirror(storage.place, progress=progress)
        advice = "remove the folder and prepare it again"
        if not (folder / CATALOGUE).is_file():
            raise DataError(f"{folder} is no prepared dataset: it has no {CATALOGUE}; make one with `mqn data prepare`")
        try:
            catalogue = read_json(Catalogue, folder / CATALOGUE)
        except ConfigError as error:
            raise DataError(f"the dataset {folder} is damaged: {error}; {advice}") from error
        if catalogue.format != FORMAT:
            raise DataError(
                f"the dataset {folder} has format {catalogue.format}, this version reads {FORMAT}; {advice}"
            )
        if hash_entries(catalogue.pictures, catalogue.inputs) != catalogue.hash:
            raise DataError(f"the dataset {folder} is damaged: {CATALOGUE} was changed after it was written; {advice}")
        try:
            pictures = blob.map_blob(folder / PICTURES, "<f2", catalogue.pictures)
            inputs = blob.map_blob(folder / INPUTS, "|u1", catalogue.inputs)
        except (OSError, ValueError) as error:
            raise DataError(f"the dataset {folder} is damaged: {error}; {advice}") from error
        return cls(storage.place, folder, catalogue, pictures, inputs)

    @property
    def hash(self) -> str:
        """SHA-256 over names, sources, splits and pixels; 64 hexadecimal digits."""
        return self.catalogue.hash

    def count(self, split: Split) -> int:
        """How many pictures a split has."""
        return len(self.entries(split))

    def names(self, split: Split) -> list[str]:
        """The names of a split's pictures, in the order of their indices."""
        return [entry.name for entry in self.entries(split)]

    def sources(self, split: Split) -> list[str]:
        """The source of each picture, in the order of their indices."""
        return [entry.source for entry in self.entries(split)]

    def entries(self, split: Split) -> list[Entry]:
        """What is known of each picture, in the order of their indices.

        Raises:
            DataError: there is no such split.
        """
        try:
            return self._entries[split]
        except KeyError:
            raise DataError(f"no split {split!r}; a dataset has {' and '.join(SPLITS)}") from None

    def picture(self, split: Split, index: int) -> np.ndarray:
        """One picture, mapped into memory; only the parts that are used are read.

        Returns:
            (H, W, 3) float16, read-only, linear BT.709, relative, at most 32768. Sums and products of such values
            leave half floats: convert what you cut out to float32 first.
        """
        entry = self.entries(split)[index]
        return blob.cut(self._pictures, entry)

    def inputs(self, split: Split) -> list[InputEntry]:
        """What is known of each of the camera's own pictures, in the order of their indices; often there are none.

        Raises:
            DataError: there is no such split.
        """
        self.entries(split)
        return self._inputs[split]

    def input_pixels(self, split: Split, index: int) -> np.ndarray:
        """Map one of the camera's own pictures into memory.

        Returns:
            (H, W, 3) uint8 code values, read-only, of the size of the picture that is its truth.
        """
        return blob.cut(self._input_pixels, self.inputs(split)[index])

    def reduced_to(self, names: Iterable[str]) -> Dataset:
        """The same dataset with only some of its pictures: another view of the same pixels, under the same hash."""
        wanted = frozenset(names)
        kept = replace(
            self.catalogue,
            pictures=tuple(entry for entry in self.catalogue.pictures if entry.name in wanted),
            inputs=tuple(entry for entry in self.catalogue.inputs if entry.picture in wanted),
        )
        return Dataset(self.place, self.folder, kept, self._pictures, self._input_pixels)

    def damaged(self) -> list[str]:
        """Read everything once and name the pictures whose values have changed since they were written."""
        entries: tuple[Entry | InputEntry, ...] = (*self.catalogue.pictures, *self.catalogue.inputs)
        blobs = [self._pictures] * len(self.catalogue.pictures) + [self._input_pixels] * len(self.catalogue.inputs)
        stored = zip(entries, blobs, strict=True)
        return [entry.name for entry, values in stored if blob.value_hash(blob.cut(values, entry)) != entry.sha256]
