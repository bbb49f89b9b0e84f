"""The dataset that a user asks for: opened, or prepared first."""

from __future__ import annotations

from pathlib import Path

from mqn.data.dataset import Dataset
from mqn.data.preparation.parts import PART_FORMAT
from mqn.data.preparation.prepare import prepare_once
from mqn.data.preparation.sources import survey
from mqn.data.storage.catalogue import CATALOGUE, FORMAT, Progress
from mqn.data.storage.folders import open_storage
from mqn.errors import DataError
from mqn.files.local_names import beginning_of
from mqn.home import home
from mqn.parsing import content_hash


def embedded_folder() -> Path:
    """Where the procedural scenes lie on this machine, once they are made."""
    return home() / "data" / f"procedural-{FORMAT}"


def locate(data: str | Path | None = None, *, progress: Progress | None = None) -> Dataset:
    """Open the dataset that a user names; prepare it first if that has not been done.

    Args:
        data: a folder or a URL as of `mqn.data.storage.folders`. None: the procedural scenes. A prepared dataset is
            opened. The HDR pictures of any other folder are prepared once under `$MQN_HOME/data`, and again when a
            file in it is added, removed or changed.
        progress: told of every picture while a dataset is prepared, of MiB while one is fetched.

    Raises:
        DataError: there is no such folder, it is a file, or a prepared one is damaged.
        EmptyDatasetError: it holds too few usable pictures.
    """
    if data is None:
        output = embedded_folder()
        prepare_once(None, output, progress=progress)
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
    prepare_once(source.place, output, progress=progress)
    return Dataset.open(output)
