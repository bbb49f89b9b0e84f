"""Copies of prepared datasets that lie behind a URL: fetched once, in pieces, and checked by the catalogue's hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from filelock import FileLock

from mqn.data.storage import blob
from mqn.data.storage.catalogue import CATALOGUE, INPUTS, PICTURES, Catalogue, Progress
from mqn.data.storage.folders import Storage, open_storage
from mqn.errors import ConfigError, DataError
from mqn.files.local_names import beginning_of
from mqn.files.publishing import sync_file, writing
from mqn.home import home
from mqn.parsing import from_mapping
from mqn.plain_values import loads_json

PIECE_BYTES = 8 * 1024 * 1024


def mirror(url: str, *, progress: Progress | None = None) -> Path:
    """Copy a prepared dataset to this machine, unless that has been done; returns a folder under `$MQN_HOME/data`.

    The copy is of one state of the dataset: when another is written to the URL, another copy is made. What an
    interrupted copy has fetched is kept, and the next goes on behind it.

    Raises:
        DataError: there is no dataset, it cannot be reached, or what was fetched is not what its catalogue says.
    """
    storage = open_storage(url)
    try:
        content = storage.read(CATALOGUE)
    except FileNotFoundError as error:
        raise DataError(
            f"{url} is no prepared dataset: it has no {CATALOGUE}; make one with `mqn data prepare`"
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {url}: {error.strerror or error}; check address and keys") from error
    name = beginning_of(storage.place.rpartition("/")[2], "dataset")
    folder = home() / "data" / f"{name}-{hashlib.sha256(content).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        if not (folder / CATALOGUE).is_file():
            _copy(storage, content, folder, progress)
    return folder


def _copy(storage: Storage, content: bytes, folder: Path, progress: Progress | None) -> None:
    source = f"{storage.place}/{CATALOGUE}"
    try:
        catalogue = from_mapping(Catalogue, loads_json(content, source), source=source)
    except (ConfigError, ValueError) as error:
        raise DataError(f"the dataset {storage.place} is damaged: {error}; prepare it again") from error
    names = [PICTURES, *[INPUTS] * bool(catalogue.inputs)]
    try:
        sizes = {name: storage.size(name) for name in names}
        before = 0
        for name in names:
            _fetch(storage, name, folder, sizes[name], (before, sum(sizes.values())), progress)
            before += sizes[name]
    except OSError as error:
        raise DataError(
            f"cannot fetch {storage.place}: {error.strerror or error}; try again, what is there is kept"
        ) from error
    damaged = _damaged(folder, catalogue)
    if damaged:
        for name in names:
            (folder / name).unlink(missing_ok=True)
        raise DataError(
            f"the dataset {storage.place} is damaged: {damaged} is not what its {CATALOGUE} says; prepare it again"
        )
    with writing(folder / CATALOGUE) as partial:
        partial.write_bytes(content)


def _fetch(
    storage: Storage, name: str, folder: Path, size: int, span: tuple[int, int], progress: Progress | None
) -> None:
    path = folder / name
    have = path.stat().st_size if path.is_file() else 0
    if have > size:
        path.unlink()
        have = 0
    with path.open("ab") as stream:
        while have < size:
            piece = storage.read(name, have, min(have + PIECE_BYTES, size))
            if not piece:
                raise OSError(f"{name} ends after {have} of {size} bytes")
            stream.write(piece)
            have += len(piece)
            if progress:
                progress((span[0] + have) >> 20, span[1] >> 20, name)
    sync_file(path)


def _damaged(folder: Path, catalogue: Catalogue) -> str:
    """What is not as the catalogue says; empty if all is."""
    for name, dtype, entries in ((PICTURES, "<f2", catalogue.pictures), (INPUTS, "|u1", catalogue.inputs)):
        try:
            values = blob.map_blob(folder / name, dtype, entries)
        except (OSError, ValueError) as error:
            return str(error)
        for entry in entries:
            if blob.value_hash(blob.cut(values, entry)) != entry.sha256:
                return entry.name
    return ""
