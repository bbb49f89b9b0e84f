"""Which pictures a folder holds, what each shows, and on which side of the split it belongs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from mqn.data.preparation.manifest import Row, parse
from mqn.data.public.lockfile import LOCK_FILE, Fetched
from mqn.data.storage.catalogue import SPLITS, Split
from mqn.data.storage.folders import LocalStorage, Storage
from mqn.errors import ConfigError, DataError, EmptyDatasetError
from mqn.hdr.gain_map.container import has_gain_map
from mqn.hdr.io.files import HDR_SUFFIXES
from mqn.hdr.io.ultra_hdr import ULTRA_HDR_SUFFIXES
from mqn.hdr.io.unread import is_unread
from mqn.parsing import from_mapping

MANIFEST = "manifest.csv"
_UNREAD = f"is of a kind that is not read; {', '.join(HDR_SUFFIXES)} are"
_HEAD_BYTES = 1 << 20
"""Of a JPEG file, in which it says whether it has a gain map."""

VIEW = "__"
"""Parts the name of a panorama from that of a view out of it: `beach__y1.exr` shows `beach`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One HDR file of a folder.

    Attributes:
        name: its path in the folder, with `/`.
        source: what it shows.
        split: None where nobody has said on which side it belongs.
        inputs: names of the camera's own LDR pictures of it.
    """

    name: str
    source: str
    split: Split | None
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a folder holds.

    Attributes:
        pictures: its HDR files, sorted by name.
        skipped: files that its manifest names and that cannot be taken, to the reason.
        beside_manifest: how many of the pictures do not stand in its manifest; 0 where it has none.
        has_splits: whether its manifest says what is for validation.
        states: of every file that a dataset of the folder depends on, to what tells one state of it from another.
        published: the public dataset that `mqn data fetch` brought here; empty: none.
    """

    pictures: tuple[Found, ...]
    skipped: dict[str, str] = field(default_factory=dict)
    beside_manifest: int = 0
    has_splits: bool = False
    states: dict[str, str] = field(default_factory=dict)
    published: str = ""


def survey(storage: Storage) -> Contents:
    """Look through a folder, subfolders included.

    A manifest.csv (`mqn.data.preparation.manifest`) says what each picture shows, in the columns `file` and `source`.
    An optional column `split` says what it is for. An optional column `ldr` names the camera's own pictures of it,
    parted by `;`, relative to the HDR file's folder. Pictures that the manifest leaves out are taken too. Without a
    manifest every file is a source of its own; only views of one panorama, known by their names (`beach__y1.exr`,
    `beach__y2.exr`), are one source.

    A JPEG file is taken if it has a gain map (Ultra HDR) and is no camera's picture of another file.

    Returns:
        What is there. No picture has been decoded yet.

    Raises:
        DataError: there is no such folder, or its manifest cannot be understood.
    """
    files = _files(storage)
    names = [name for name in files if _is_hdr(name)]
    unread = {name: _UNREAD for name in files if is_unread(name) and not _is_hidden(name)}
    manifest = next((name for name in files if name.lower() == MANIFEST), None)
    if manifest is None:
        names = sorted([*names, *_ultra_hdr(storage, files, set())])
        pictures = [Found(name=name, source=_own_source(name), split=None) for name in names]
        return Contents(pictures=tuple(pictures), skipped=unread, states={name: files[name] for name in names})
    place = f"{storage.place}/{manifest}"
    lines, has_splits = parse(_read(storage, manifest), place, files)
    rows = {name: _found(line) for name, line in lines.items()}
    names = sorted([*names, *_ultra_hdr(storage, files, {own for row in rows.values() for own in row.inputs})])
    known = {row.source for row in rows.values()}
    split_of = _split_by_source(place, rows)
    pictures, beside, needed = [], 0, [manifest, *names]
    for name in names:
        row = rows.get(name)
        if row:
            pictures.append(replace(row, split=row.split or split_of.get(row.source)))
            needed += row.inputs
        else:
            beside += 1
            stem = PurePosixPath(name).stem.split(VIEW)[0]
            source = stem if stem in known else _own_source(name)
            pictures.append(Found(name=name, source=source, split=split_of.get(source)))
    absent = sorted(set(rows) - set(names))
    return Contents(
        pictures=tuple(pictures),
        skipped={name: _why_not(manifest, lines[name].line, exists=name in files) for name in absent}
        | {name: reason for name, reason in unread.items() if name not in rows},
        beside_manifest=beside,
        has_splits=has_splits,
        states={name: files[name] for name in needed if name in files},
        published=_published(storage) if LOCK_FILE in files else "",
    )


def assign_splits(
    found: Sequence[Found],
    *,
    has_splits: bool,
    val_fraction: float,
    seed: int,
    skipped: Mapping[str, str] | None = None,
) -> dict[str, Split]:
    """Put every source on one side of the split; both have some.

    What a manifest says holds. If it has splits, sources that it leaves open are for training, so that the validation
    set stays what its author chose. Without splits, sources are ordered by a hash of seed and name, and the first ones
    are for validation: the given fraction, at least one. A further picture then moves only sources at the border.

    Raises:
        EmptyDatasetError: one side would be empty; names the first of the `skipped` files and why.
    """
    chosen: dict[str, Split] = {picture.source: picture.split for picture in found if picture.split}
    unsaid = sorted({picture.source for picture in found} - set(chosen), key=lambda source: _rank(source, seed))
    reserved = 0 if has_splits else min(max(round(len(unsaid) * val_fraction), 1), len(unsaid) - 1)
    for index, source in enumerate(unsaid):
        chosen[source] = "val" if index < reserved else "train"
    for split in SPLITS:
        if split not in chosen.values():
            first = min(skipped) if skipped else ""
            some = f"; {len(skipped)} left out, for example {first}: {skipped[first]}" if skipped else ""
            raise EmptyDatasetError(
                f"no usable picture is left for {split}: {len(chosen)} source(s) in all{some}; training and validation "
                f"need one source each: add pictures{', or correct the splits in ' + MANIFEST if has_splits else ''}"
            )
    return chosen


def _files(storage: Storage) -> dict[str, str]:
    advice = f"give a folder of HDR pictures ({', '.join(HDR_SUFFIXES)}) or a prepared dataset"
    if isinstance(storage, LocalStorage) and not storage.path.is_dir():
        kind = "is a file, not a folder" if storage.path.exists() else "does not exist"
        raise DataError(f"{storage.place} {kind}; {advice}")
    try:
        return storage.files()
    except OSError as error:
        raise DataError(f"cannot list {storage.place}: {error.strerror or error}; {advice}") from error


def _read(storage: Storage, name: str) -> bytes:
    try:
        return storage.read(name)
    except OSError as error:
        raise DataError(f"cannot read {storage.place}/{name}: {error.strerror or error}") from error


def _published(storage: Storage) -> str:
    """Which public dataset a folder says that it is; a file of this name that no fetch wrote says nothing."""
    content = _read(storage, LOCK_FILE)
    try:
        return from_mapping(Fetched, json.loads(content), source=LOCK_FILE).dataset
    except (ConfigError, ValueError):
        return ""


def _is_hdr(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in HDR_SUFFIXES


def _ultra_hdr(storage: Storage, files: Mapping[str, str], inputs: set[str]) -> list[str]:
    """The JPEG files that have a gain map, except cameras' own pictures of other files."""
    return [
        name
        for name in files
        if PurePosixPath(name).suffix.lower() in ULTRA_HDR_SUFFIXES
        and name not in inputs
        and storage.exists(name)
        and _says_gain_map(storage, name)
    ]


def _says_gain_map(storage: Storage, name: str) -> bool:
    try:
        return has_gain_map(storage.read(name, 0, _HEAD_BYTES))
    except OSError:
        # Whoever decodes it names what is wrong.
        return True


def _split_by_source(manifest: str, rows: dict[str, Found]) -> dict[str, Split]:
    sides: dict[str, Split] = {}
    for row in rows.values():
        if row.split and sides.setdefault(row.source, row.split) != row.split:
            raise DataError(
                f"{manifest} puts pictures of the source {row.source!r} into both train and val; validation must not "
                "see what was trained on: choose one"
            )
    return sides


def _own_source(name: str) -> str:
    path = PurePosixPath(name)
    panorama = path.stem.split(VIEW)[0]
    return (path.parent / panorama).as_posix() if panorama else name


def _found(row: Row) -> Found:
    return Found(name=row.file, source=row.source or _own_source(row.file), split=row.split, inputs=row.inputs)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _why_not(manifest: str, line: int, *, exists: bool) -> str:
    where = f"stands in {manifest}, line {line}, column 'file'"
    if not exists:
        return f"{where}, but there is no such file"
    return f"{where}, but is no HDR picture; {', '.join(HDR_SUFFIXES)} are read, and .jpg with a gain map"


def _rank(source: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{source}".encode(errors="surrogateescape")).hexdigest()
