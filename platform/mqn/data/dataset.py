"""Prepared datasets: pictures mapped into memory, and where a dataset that somebody asks for lies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from mqn.data import blob, prepare
from mqn.data.catalogue import (
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
from mqn.data.mirror import mirror
from mqn.data.sources import survey
from mqn.data.staging import PART_FORMAT
from mqn.data.storage import LocalStorage, open_storage
from mqn.errors import ConfigError, DataError
from mqn.home import home
from mqn.local_names import beginning_of
from mqn.parsing import content_hash, read_json


class Dataset:
    """A prepared dataset, its pictures mapped into memory: opening one costs nothing, and processes share the pages."""

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
            path: the folder that `mqn.data.prepare.prepare` wrote, or its URL: then a copy is made once under
                `$MQN_HOME/data`.
            progress: told of MiB while a copy is made.

        Returns:
            The dataset.

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
        """One picture, mapped into memory: what is not touched is not read.

        Args:
            split: `train` or `val`.
            index: below `count(split)`.

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
        """One of the camera's own pictures, mapped into memory.

        Args:
            split: `train` or `val`.
            index: below `len(inputs(split))`.

        Returns:
            (H, W, 3) uint8, read-only, display-referred code values, of the size of the picture that is its truth.
        """
        return blob.cut(self._input_pixels, self.inputs(split)[index])

    def reduced_to(self, names: Iterable[str]) -> Dataset:
        """The same dataset, its pictures reduced to some of them; for looking at a large one.

        Args:
            names: of pictures.

        Returns:
            Another view of the same pixels, under the same hash.
        """
        wanted = frozenset(names)
        kept = replace(
            self.catalogue,
            pictures=tuple(entry for entry in self.catalogue.pictures if entry.name in wanted),
            inputs=tuple(entry for entry in self.catalogue.inputs if entry.picture in wanted),
        )
        return Dataset(self.place, self.folder, kept, self._pictures, self._input_pixels)

    def damaged(self) -> list[str]:
        """Read everything once: the names of pictures whose stored values are not those that were written."""
        entries: tuple[Entry | InputEntry, ...] = (*self.catalogue.pictures, *self.catalogue.inputs)
        blobs = [self._pictures] * len(self.catalogue.pictures) + [self._input_pixels] * len(self.catalogue.inputs)
        stored = zip(entries, blobs, strict=True)
        return [entry.name for entry, values in stored if blob.value_hash(blob.cut(values, entry)) != entry.sha256]


def locate(data: str | Path | None = None, *, progress: Progress | None = None) -> Dataset:
    """Open the dataset that somebody asks for; prepare it first where that has not been done yet.

    Args:
        data: a folder or a URL as of `mqn.data.storage`. None: the procedural scenes. A prepared dataset: opened. Any
            other folder: its HDR pictures are prepared once under `$MQN_HOME/data`, and again when a file in it is
            added, removed or changed.
        progress: told of every picture while a dataset is prepared, of MiB while one is fetched.

    Returns:
        The dataset.

    Raises:
        DataError: there is no such folder, it is a file, or a prepared one is damaged.
        EmptyDatasetError: it holds too few usable pictures.
    """
    if data is None:
        output = home() / "data" / f"procedural-{FORMAT}"
        prepare.prepare_once(None, output, progress=progress)
        return Dataset.open(output)
    source = open_storage(data)
    try:
        prepared = source.exists(CATALOGUE)
    except OSError as error:
        raise DataError(f"cannot read {source.place}: {error.strerror or error}; check address and keys") from error
    if prepared:
        return Dataset.open(source.place, progress=progress)
    key = content_hash([FORMAT, PART_FORMAT, source.place, survey(source).states])
    output = home() / "data" / f"{beginning_of(source.place.rpartition('/')[2], 'dataset')}-{key[:16]}"
    prepare.prepare_once(source.place, output, progress=progress)
    return Dataset.open(output)
