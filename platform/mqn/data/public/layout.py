"""Writes the manifest of a fetched dataset from its files' names: which picture shows what."""

from __future__ import annotations

import csv
import fnmatch
import glob
import os
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mqn.data.preparation.sources import MANIFEST
from mqn.data.public.catalogue import Layout
from mqn.data.public.conversion import converted
from mqn.files.publishing import writing

_SEPARATOR = ";"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One HDR picture: a line of the manifest.

    Attributes:
        file: its path below the dataset's folder.
        published: the path of what it is made from; the same where that is linear light already.
        source: what it shows.
        split: "train", "val", or "" where its publisher leaves that open.
        ldr: the camera's own LDR pictures of it, relative to the folder of `file`.
    """

    file: str
    published: str
    source: str
    split: str
    ldr: tuple[str, ...]


def wanted(layout: Layout) -> Callable[[str], bool]:
    """Say which of a dataset's files to keep: HDR pictures, what stands beside them, and texts about them."""
    kept = [re.compile(layout.hdr), re.compile(r"(?i)(?:.*/)?[^/]*(?:licen[cs]e|readme|copying)[^/]*")]
    kept += [re.compile(layout.beside)] if layout.beside else []

    def decide(name: str) -> bool:
        # What macOS puts beside every file has its name and its suffix, and no picture in it; nor have hidden files.
        parts = PurePosixPath(name).parts
        if "__MACOSX" in parts or any(part.startswith(".") for part in parts):
            return False
        return any(expression.fullmatch(name) for expression in kept)

    return decide


def arrange(names: Iterable[str], layout: Layout) -> list[Row]:
    """Work out a dataset's manifest from its files' names: a row for each HDR picture, sorted by name."""
    known = dict.fromkeys(sorted(names))
    expression = re.compile(layout.hdr)
    rows = []
    for name in known:
        if found := expression.fullmatch(name):
            groups = {key: value or "" for key, value in found.groupdict().items()}
            rows.append(
                Row(
                    file=converted(Path(name)).as_posix() if layout.encoding else name,
                    published=name,
                    source=layout.source.format_map(groups),
                    split=layout.splits.get(groups.get("split", ""), ""),
                    ldr=tuple(_ldr(name, groups, layout, known)),
                )
            )
    return rows


def write_manifest(folder: Path, rows: Iterable[Row]) -> None:
    """Write rows as the folder's manifest.csv, whole or not at all."""
    rows = list(rows)
    # A column of splits says that what has none is for training: only where a publisher has splits.
    columns = ["file", "source", *(["split"] if any(row.split for row in rows) else []), "ldr"]
    with writing(folder / MANIFEST) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            ldr = _SEPARATOR.join(row.ldr)
            writer.writerow({"file": row.file, "source": row.source, "split": row.split, "ldr": ldr})


def _ldr(name: str, groups: dict[str, str], layout: Layout, known: Collection[str]) -> list[str]:
    found: set[str] = set()
    for template in layout.ldr:
        if glob.has_magic(template):
            pattern = template.format_map({key: glob.escape(value) for key, value in groups.items()})
            found.update(fnmatch.filter(known, pattern))
        elif (exact := template.format_map(groups)) in known:
            # Looked up: with as many patterns as there are names, matching would take minutes.
            found.add(exact)
    folder = str(PurePosixPath(name).parent)
    return [
        PurePosixPath(os.path.relpath(match, folder)).as_posix() for match in sorted(found) if _SEPARATOR not in match
    ]
