"""Preparation: a folder of HDR pictures, or the procedural scenes, decoded once into a dataset mapped into memory."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from mqn.data.blob import BlobWriter
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
from mqn.data.decoding import Decoded, Part, decode, store
from mqn.data.sources import Contents, Found, assign_splits, survey
from mqn.errors import DataError, EmptyDatasetError, PictureError, UsageError
from mqn.hdr.files import HDR_SUFFIXES
from mqn.hdr.scenes import kind, scene
from mqn.home import home
from mqn.parsing import content_hash, write_json

PROCEDURAL = "procedural scenes"
TRAIN_SCENES, VAL_SCENES = 24, 8
SCENE_SIDE = 288


class Skipped(NamedTuple):
    """A file that could not be used."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a preparation came to.

    Attributes:
        folder: where the dataset lies.
        hash: its content hash.
        counts: split to pictures.
        inputs: split to the camera's own pictures of them.
        sources: split to sources.
        skipped: every file that could not be used, with the reason.
        beside_manifest: pictures taken that do not stand in the folder's manifest.csv.
        negative_values: values below 0 that are 0 now, in all pictures together.
    """

    folder: Path
    hash: str
    counts: dict[str, int]
    inputs: dict[str, int]
    sources: dict[str, int]
    skipped: tuple[Skipped, ...]
    beside_manifest: int
    negative_values: int


def prepare(
    source: Path | str | None,
    output: Path | str,
    *,
    side: int = 512,
    val_fraction: float = 0.15,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Decode pictures once, bring them down to a size, split them by source, and write a dataset.

    A file that cannot be used is named in the report and in the dataset, and the rest goes on. The dataset appears
    under its name only when it is whole; a preparation that was interrupted leaves nothing behind that opens.

    Args:
        source: a folder of HDR pictures (see `mqn.data.sources.survey`); None: the procedural scenes.
        output: the folder to write; a dataset that is there already is replaced.
        side: pixels that the shorter side of a picture is brought down to, if it is longer.
        val_fraction: of the sources, where no manifest says which are for validation.
        seed: changes which those are.
        progress: told of every picture before it is decoded, and once at the end.

    Returns:
        What became of it.

    Raises:
        DataError: no such folder, a manifest that cannot be understood, or an output that cannot be written.
        EmptyDatasetError: no usable picture, or none for one of the splits.
        UsageError: `side` or `val_fraction` is out of its range.
    """
    if side < 32 or not 0 < val_fraction < 1:
        raise UsageError(f"side {side} must be at least 32 and val_fraction {val_fraction} between 0 and 1")
    output = Path(output).expanduser().absolute()
    with _lock(output):
        return _write(source, output, side=side, val_fraction=val_fraction, seed=seed, progress=progress)


def prepare_once(source: Path | None, output: Path, *, progress: Progress | None = None) -> None:
    """Prepare with the defaults of `prepare`, unless that has been done or another process does it just now.

    Args:
        source: as of `prepare`.
        output: as of `prepare`, but left alone if it is there.
        progress: as of `prepare`.

    Raises:
        DataError: as `prepare` does.
    """
    with _lock(output):
        if not (output / CATALOGUE).is_file():
            _write(source, output, side=512, val_fraction=0.15, seed=0, progress=progress)


def _write(
    source: Path | str | None, output: Path, *, side: int, val_fraction: float, seed: int, progress: Progress | None
) -> Report:
    folder = None if source is None else Path(source).expanduser()
    contents = _scenes() if folder is None else survey(folder)
    tell = progress or _say_nothing
    skipped = dict(contents.skipped)
    found = {picture.name: picture for picture in contents.pictures}
    places: dict[str, tuple[int, tuple[int, ...]]] = {}
    parts: list[Part] = []
    with _appearing(output) as partial:
        with BlobWriter(partial / PICTURES, "<f2") as pictures, BlobWriter(partial / INPUTS, "|u1") as inputs:
            for number, picture in enumerate(contents.pictures):
                tell(number, len(contents.pictures), picture.name)
                try:
                    decoded = _decode(picture, folder, side)
                except PictureError as error:
                    skipped[picture.name] = str(error)
                    continue
                parts.append(decoded.part)
                skipped.update(decoded.part.skipped)
                places[picture.name] = pictures.add(decoded.picture), tuple(map(inputs.add, decoded.inputs))
        if not parts:
            raise EmptyDatasetError(_nothing_left(source, skipped))
        if not inputs.size:
            (partial / INPUTS).unlink()
        sides = assign_splits(
            [found[part.name] for part in parts], has_splits=contents.has_splits, val_fraction=val_fraction, seed=seed
        )
        entries, input_entries = [], []
        for part in parts:
            origin = found[part.name].source
            entries.append(_entry(part, origin, sides[origin], places[part.name][0]))
            input_entries += _input_entries(part, entries[-1], places[part.name][1])
        catalogue = Catalogue(
            format=FORMAT,
            made_from=str(folder.resolve()) if folder else PROCEDURAL,
            side=side,
            hash=hash_entries(entries, input_entries),
            pictures=tuple(entries),
            inputs=tuple(input_entries),
            skipped=skipped,
            beside_manifest=contents.beside_manifest,
            negative_values={part.name: part.negative_values for part in parts if part.negative_values},
        )
        write_json(partial / CATALOGUE, catalogue)
    tell(len(contents.pictures), len(contents.pictures), "done")
    return _report(output, catalogue)


def _say_nothing(done: int, total: int, name: str) -> None:
    """The progress of those who want none."""


def _scenes() -> Contents:
    """The procedural scenes as if they were a folder with a manifest: each is a source, its seed is its number."""
    names = [f"{seed:03d}-{kind(seed)}" for seed in range(TRAIN_SCENES + VAL_SCENES)]
    return Contents(
        pictures=tuple(
            Found(name=name, source=name, split="train" if seed < TRAIN_SCENES else "val")
            for seed, name in enumerate(names)
        ),
        has_splits=True,
    )


def _decode(found: Found, folder: Path | None, side: int) -> Decoded:
    if folder is None:
        return store(found.name, scene(SCENE_SIDE, int(found.name.split("-")[0])))
    return decode(found.name, folder / found.name, {name: folder / name for name in found.inputs}, side=side)


def _entry(part: Part, source: str, split: Split, offset: int) -> Entry:
    return Entry(
        name=part.name,
        source=source,
        split=split,
        height=part.height,
        width=part.width,
        offset=offset,
        scale=part.scale,
        dynamic_range_log10=part.dynamic_range_log10,
        file_sha256=part.file_sha256,
        sha256=part.sha256,
    )


def _input_entries(part: Part, entry: Entry, offsets: Sequence[int]) -> list[InputEntry]:
    return [
        InputEntry(
            name=one.name,
            picture=entry.name,
            label=one.label,
            split=entry.split,
            source=entry.source,
            height=entry.height,
            width=entry.width,
            offset=offset,
            file_sha256=one.file_sha256,
            sha256=one.sha256,
        )
        for one, offset in zip(part.inputs, offsets, strict=True)
    ]


def _report(output: Path, catalogue: Catalogue) -> Report:
    return Report(
        folder=output,
        hash=catalogue.hash,
        counts={split: sum(entry.split == split for entry in catalogue.pictures) for split in SPLITS},
        inputs={split: sum(entry.split == split for entry in catalogue.inputs) for split in SPLITS},
        sources={split: len({e.source for e in catalogue.pictures if e.split == split}) for split in SPLITS},
        skipped=tuple(Skipped(file, reason) for file, reason in sorted(catalogue.skipped.items())),
        beside_manifest=catalogue.beside_manifest,
        negative_values=sum(catalogue.negative_values.values()),
    )


def _nothing_left(source: Path | str | None, skipped: dict[str, str]) -> str:
    if not skipped:
        return f"no HDR picture in {source} or below it; {', '.join(HDR_SUFFIXES)} files are read"
    first = min(skipped)
    return (
        f"none of the {len(skipped)} HDR pictures in {source} can be used, for example {first}: {skipped[first]}; "
        "mend them or give another folder"
    )


def _lock(output: Path) -> FileLock:
    """One preparation of a folder at a time; the lock lies under `$MQN_HOME`, where it is in nobody's way."""
    folder = home() / "data" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{content_hash(str(output.resolve()))[:16]}.lock")


@contextlib.contextmanager
def _appearing(output: Path) -> Iterator[Path]:
    """A folder to write in that takes the place of `output` if the block succeeds and goes if it fails.

    Raises:
        DataError: `output` is something else than a dataset, or cannot be written.
    """
    if output.exists() and not (output / CATALOGUE).is_file() and not (output.is_dir() and not any(output.iterdir())):
        raise DataError(f"{output} exists and is no dataset; choose another folder to write, or remove it")
    partial, former = output.with_name(f".{output.name}.partial"), output.with_name(f".{output.name}.former")
    try:
        # What a killed preparation left behind goes first.
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        _exchange(partial, output, former)
    except OSError as error:
        raise DataError(f"cannot write {output}: {error.strerror or error}; choose another folder to write") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)


def _exchange(partial: Path, output: Path, former: Path) -> None:
    if output.exists():
        output.rename(former)
    try:
        partial.rename(output)
    except OSError:
        if former.exists():
            former.rename(output)
        raise
