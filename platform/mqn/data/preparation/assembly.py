"""Puts a dataset together from its parts. The bytes do not depend on the order of the work."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mqn.data.preparation.decoding import Part
from mqn.data.preparation.parts import Staging
from mqn.data.preparation.sources import Found
from mqn.data.storage import blob
from mqn.data.storage.catalogue import (
    CATALOGUE,
    FORMAT,
    INPUTS,
    PICTURES,
    Catalogue,
    Entry,
    InputEntry,
    Split,
    hash_entries,
)
from mqn.data.storage.folders import LocalStorage, Storage
from mqn.errors import DataError
from mqn.files.publishing import publish_folder
from mqn.parsing import to_plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Usable:
    """A picture that can be used: what its folder says of it, what is stored, and the key of that part."""

    found: Found
    part: Part
    key: str


def catalogue(
    usable: Sequence[Usable],
    sides: dict[str, Split],
    *,
    made_from: str,
    side: int,
    skipped: dict[str, str],
    beside_manifest: int,
    published: str,
) -> Catalogue:
    """Lay a dataset out. Returns what `dataset.json` will hold.

    `usable` are its pictures, sorted by name. `sides` has each source's split. The other arguments are those of
    `Catalogue`; `skipped` leaves out the pictures' inputs.
    """
    entries: list[Entry] = []
    inputs: list[InputEntry] = []
    picture_offset = input_offset = 0
    for one in usable:
        part, count = one.part, one.part.height * one.part.width * 3
        entries.append(
            Entry(
                name=part.name,
                source=one.found.source,
                split=sides[one.found.source],
                height=part.height,
                width=part.width,
                offset=picture_offset,
                scale=part.scale,
                dynamic_range_log10=part.dynamic_range_log10,
                file_sha256=part.file_sha256,
                sha256=part.sha256,
            )
        )
        inputs += _input_entries(part, entries[-1], input_offset)
        picture_offset += count
        input_offset += count * len(part.inputs)
    left_out = skipped | {name: reason for one in usable for name, reason in one.part.skipped.items()}
    return Catalogue(
        format=FORMAT,
        made_from=made_from,
        side=side,
        hash=hash_entries(entries, inputs),
        pictures=tuple(entries),
        inputs=tuple(inputs),
        skipped=dict(sorted(left_out.items())),
        beside_manifest=beside_manifest,
        published=published,
        negative_values={one.part.name: one.part.negative_values for one in usable if one.part.negative_values},
        notes={file: clauses for one in usable for file, clauses in one.part.notes.items()},
    )


def write(target: Storage, contents: Catalogue, usable: Sequence[Usable], staging: Staging) -> None:
    """Write a dataset, its catalogue last. One picture at a time is in memory.

    `target` is not there yet, or has no catalogue; `contents` and `usable` are as of `catalogue`.

    Raises:
        OSError: a folder cannot be read or written.
        DataError: a part is damaged.
    """
    with contextlib.ExitStack() as streams:
        pictures = streams.enter_context(target.writer(PICTURES))
        pictures.write(blob.header("<f2", _values(contents.pictures)))
        inputs = streams.enter_context(target.writer(INPUTS)) if contents.inputs else None
        if inputs:
            inputs.write(blob.header("|u1", _values(contents.inputs)))
        for one in usable:
            picture, own = staging.values(one.key, one.part)
            pictures.write(picture)
            if inputs:
                inputs.writelines(own)
    target.write(CATALOGUE, (json.dumps(to_plain(contents), indent=1, allow_nan=False) + "\n").encode())


@contextlib.contextmanager
def replacing(output: Storage) -> Iterator[Storage]:
    """Yield a folder to write a dataset in; it takes the place of the dataset that is there.

    On this machine it does so when the block succeeds, and is removed if the block fails. Behind a URL nothing can be
    renamed in one step. So the former dataset loses its catalogue before the new one is written, and the new catalogue
    is written last: until then there is no dataset.

    Raises:
        OSError: it cannot be written.
    """
    if not isinstance(output, LocalStorage):
        for name in (CATALOGUE, PICTURES, INPUTS):
            output.remove(name)
        yield output
        return
    name = output.path.name
    partial = LocalStorage(output.path.with_name(f".{name}.partial"))
    try:
        # What a killed preparation left behind goes first.
        partial.remove()
        partial.path.mkdir(parents=True)
        yield partial
        publish_folder(partial.path, output.path, replace=True)
    finally:
        partial.remove()


def require_replaceable(output: Storage) -> None:
    """Refuse to write where something else than a dataset lies.

    Raises:
        DataError: there is.
        OSError: the place cannot be read.
    """
    if output.exists(CATALOGUE):
        return
    if isinstance(output, LocalStorage):
        taken = output.path.exists() and not (output.path.is_dir() and not any(output.path.iterdir()))
    else:
        # An upload that was interrupted has left a blob, but no catalogue; parts of one lie below.
        names = itertools.filterfalse(lambda name: name.startswith(".parts/"), output.files())
        taken = bool(set(names) - {PICTURES, INPUTS})
    if taken:
        raise DataError(f"{output.place} exists and is no dataset; choose another folder to write, or remove it")


def _input_entries(part: Part, entry: Entry, offset: int) -> list[InputEntry]:
    return [
        InputEntry(
            name=one.name,
            picture=entry.name,
            label=one.label,
            split=entry.split,
            source=entry.source,
            height=entry.height,
            width=entry.width,
            offset=offset + index * entry.height * entry.width * 3,
            file_sha256=one.file_sha256,
            sha256=one.sha256,
        )
        for index, one in enumerate(part.inputs)
    ]


def _values(entries: Sequence[Entry] | Sequence[InputEntry]) -> int:
    return sum(entry.height * entry.width * 3 for entry in entries)
