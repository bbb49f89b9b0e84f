"""Which pictures a folder holds, what each shows, and on which side of the split it belongs."""

from __future__ import annotations

import csv
import hashlib
import io
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from mqn.data.catalogue import SPLITS, Split
from mqn.data.storage import LocalStorage, Storage
from mqn.errors import DataError, EmptyDatasetError
from mqn.hdr.files import HDR_SUFFIXES

MANIFEST = "manifest.csv"
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
    """

    pictures: tuple[Found, ...]
    skipped: dict[str, str] = field(default_factory=dict)
    beside_manifest: int = 0
    has_splits: bool = False
    states: dict[str, str] = field(default_factory=dict)


def survey(storage: Storage) -> Contents:
    """Look through a folder, subfolders included.

    A manifest.csv with the columns `file` and `source`, and `split` if its author wants a say in that, names what is
    what; its column `ldr`, if it has one, names the camera's own pictures of each, parted by `;`, relative to the HDR
    file's folder. Pictures that it leaves out are taken too. Without it, every file is a source of its own, but for
    views of one panorama, which are one by their name (`beach__y1.exr`, `beach__y2.exr`).

    Args:
        storage: a folder of HDR pictures.

    Returns:
        What is there. No picture has been opened yet.

    Raises:
        DataError: there is no such folder, or its manifest cannot be understood.
    """
    files = _files(storage)
    names = [name for name in files if _is_hdr(name)]
    if MANIFEST not in files:
        pictures = [Found(name=name, source=_own_source(name), split=None) for name in names]
        return Contents(pictures=tuple(pictures), states={name: files[name] for name in names})
    manifest = f"{storage.place}/{MANIFEST}"
    rows, has_splits = _read_manifest(manifest, storage)
    known = {row.source for row in rows.values()}
    split_of = _split_by_source(manifest, rows)
    pictures, beside, needed = [], 0, [MANIFEST, *names]
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
        skipped={name: _why_not(exists=name in files) for name in absent},
        beside_manifest=beside,
        has_splits=has_splits,
        states={name: files[name] for name in needed if name in files},
    )


def assign_splits(found: Sequence[Found], *, has_splits: bool, val_fraction: float, seed: int) -> dict[str, Split]:
    """Put every source on one side of the split.

    What a manifest says holds. Where it has splits, what it leaves open is for training, so that its validation set
    stays what its author chose. Otherwise sources are ordered by a hash of seed and name and the first of them, a
    fraction but at least one, are for validation: adding a picture moves no other but those at the border.

    Args:
        found: the usable pictures.
        has_splits: whether a manifest says what is for validation.
        val_fraction: of the sources, 0 to 1.
        seed: changes which.

    Returns:
        Source to split; both splits have some.

    Raises:
        EmptyDatasetError: one side would be empty.
    """
    chosen: dict[str, Split] = {picture.source: picture.split for picture in found if picture.split}
    unsaid = sorted({picture.source for picture in found} - set(chosen), key=lambda source: _rank(source, seed))
    reserved = 0 if has_splits else min(max(round(len(unsaid) * val_fraction), 1), len(unsaid) - 1)
    for index, source in enumerate(unsaid):
        chosen[source] = "val" if index < reserved else "train"
    for split in SPLITS:
        if split not in chosen.values():
            raise EmptyDatasetError(
                f"no usable picture is left for {split}: {len(chosen)} source(s) in all; training and validation need "
                f"one source each: add pictures{', or correct the splits in ' + MANIFEST if has_splits else ''}"
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


def _is_hdr(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in HDR_SUFFIXES


def _read_manifest(path: str, storage: Storage) -> tuple[dict[str, Found], bool]:
    """What it says of each file, and whether there are splits at all."""
    try:
        reader = csv.DictReader(io.StringIO(storage.read(MANIFEST).decode("utf-8-sig"), newline=""))
        columns = reader.fieldnames or []
        table = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    lacking = [column for column in ("file", "source") if column not in columns]
    if lacking:
        raise DataError(
            f"{path} has no column {' and no column '.join(map(repr, lacking))}; it has {', '.join(columns)}"
        )
    rows: dict[str, Found] = {}
    for number, row in enumerate(table, start=2):
        name = PurePosixPath((row["file"] or "").strip()).as_posix()
        said = (row.get("split") or "").strip()
        split = next((split for split in SPLITS if split == said), None)
        if said and split is None:
            raise DataError(f"{path}, line {number}: split {said!r}; allowed: {', '.join(SPLITS)}, or nothing")
        if name in rows:
            raise DataError(f"{path}, line {number}: {name} stands there for the second time; leave one line")
        rows[name] = Found(
            name=name,
            source=(row["source"] or "").strip() or _own_source(name),
            split=split,
            inputs=_beside(name, row.get("ldr") or ""),
        )
    return rows, "split" in columns


def _beside(name: str, ldr: str) -> tuple[str, ...]:
    """The names in the column `ldr`, which are relative to the folder of the HDR file, as names in the whole folder."""
    beside = PurePosixPath(name).parent
    own = filter(None, map(str.strip, ldr.split(";")))
    return tuple(dict.fromkeys(posixpath.normpath((beside / one).as_posix()) for one in own))


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


def _why_not(*, exists: bool) -> str:
    if not exists:
        return f"stands in {MANIFEST}, but there is no such file"
    return f"stands in {MANIFEST}, but is no HDR picture by its suffix; {', '.join(HDR_SUFFIXES)} are read"


def _rank(source: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{source}".encode()).hexdigest()
