"""Preparation: a folder of HDR pictures, or the procedural scenes, decoded once into a dataset mapped into memory.

Every picture becomes a part of its own first, in a staging folder: `.NAME.parts` beside a folder of this machine,
`.parts` in one behind a URL. From the parts the dataset is put together, and they go. Whatever ends a preparation, a
kill or a full disk, the next one goes on from the parts that are there, and comes to the same bytes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from mqn.data.preparation import assembly, engine
from mqn.data.preparation.assembly import Usable
from mqn.data.preparation.engine import Decoder, Undecoded
from mqn.data.preparation.parts import PART_FORMAT, Staging
from mqn.data.preparation.report import Report, report_of
from mqn.data.preparation.sources import Contents, Found, assign_splits, survey
from mqn.data.storage.catalogue import CATALOGUE, Progress
from mqn.data.storage.folders import LocalStorage, Storage, open_storage
from mqn.errors import DataError, EmptyDatasetError, UsageError
from mqn.hdr.io.files import HDR_SUFFIXES
from mqn.hdr.scenes import kind
from mqn.home import home
from mqn.parsing import content_hash

PROCEDURAL = "procedural scenes"
TRAIN_SCENES, VAL_SCENES = 24, 8
_SIDE, _VAL_FRACTION = 512, 0.15


def prepare(
    source: Path | str | None,
    output: Path | str,
    *,
    side: int = _SIDE,
    val_fraction: float = _VAL_FRACTION,
    seed: int = 0,
    workers: int | None = None,
    address: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Decode pictures once, bring them down to a size, split them by source, and write a dataset.

    A file that cannot be used is named in the report and in the dataset, and the rest goes on. The dataset appears
    under its name only when it is whole; a preparation that was interrupted leaves nothing behind that opens, and goes
    on where it was when it is called again.

    Args:
        source: a folder of HDR pictures (see `mqn.data.preparation.sources.survey`), a path or a URL as of
            `mqn.data.storage.folders`; None: the procedural scenes.
        output: the folder to write, likewise; a dataset that is there already is replaced. Needs room for two of it
            until it is done.
        side: pixels that the shorter side of a picture is brought down to, if it is longer.
        val_fraction: of the sources, where no manifest says which are for validation.
        seed: changes which those are.
        workers: processes that decode; None: one a processor; 1: this one.
        address: of a running Ray cluster to decode on, `auto` or `host:port`; all its machines must reach `source` and
            `output`. None: this machine.
        progress: told at the beginning, of every picture that is done, and at the end.

    Raises:
        DataError: no such folder, a manifest that cannot be understood, or an output that cannot be written.
        EmptyDatasetError: no usable picture, or none for one of the splits.
        UsageError: `side`, `val_fraction` or `workers` is out of its range, or there is no such cluster.
    """
    if side < 32 or not 0 < val_fraction < 1:
        raise UsageError(f"side {side} must be at least 32 and val_fraction {val_fraction} between 0 and 1")
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers; at least 1 has to decode")
    if address and address.startswith("ray://"):
        raise UsageError(f"{address}: decoding does not run through Ray's client; start this on one of its machines")
    target = open_storage(output)
    with _lock(target):
        return _write(
            source,
            target,
            progress,
            side=side,
            val_fraction=val_fraction,
            seed=seed,
            workers=workers,
            address=address,
        )


def prepare_once(source: str | None, output: Path, *, progress: Progress | None = None) -> None:
    """Prepare with the defaults of `prepare`, unless that has been done or another process does it just now.

    `output` is a folder of this machine, left alone if it is a dataset already; errors are those of `prepare`.
    """
    target = LocalStorage(output)
    with _lock(target):
        if not target.exists(CATALOGUE):
            _write(source, target, progress)


def _write(
    place: Path | str | None,
    output: Storage,
    progress: Progress | None,
    *,
    side: int = _SIDE,
    val_fraction: float = _VAL_FRACTION,
    seed: int = 0,
    workers: int | None = None,
    address: str | None = None,
) -> Report:
    source = None if place is None else open_storage(place)
    contents = _scenes() if source is None else survey(source)
    staging = Staging(_beside(output))
    tasks = [
        Undecoded(name=found.name, inputs=found.inputs, key=_key(source, found, contents, side))
        for found in contents.pictures
    ]
    with _explained(output, staging):
        assembly.require_replaceable(output)
        done = staging.keys()
        left = [task for task in tasks if task.key not in done]
        counter = _Counter(progress, len(tasks) - len(left), len(tasks))
        decoder = Decoder(source=source.place if source else None, staging=staging.place, side=side)
        engine.run(left, decoder, workers=workers, address=address, done=counter)
        usable, skipped = _outcome(contents, tasks, staging)
        if not usable:
            staging.clear()
            raise EmptyDatasetError(_nothing_left(source, skipped))
        sides = assign_splits(
            [one.found for one in usable],
            has_splits=contents.has_splits,
            val_fraction=val_fraction,
            seed=seed,
            skipped=skipped,
        )
        catalogue = assembly.catalogue(
            usable,
            sides,
            made_from=source.place if source else PROCEDURAL,
            side=side,
            skipped=skipped,
            beside_manifest=contents.beside_manifest,
            published=contents.published,
        )
        with assembly.replacing(output) as target:
            assembly.write(target, catalogue, usable, staging)
        staging.clear()
    counter.tell("done")
    return report_of(output.place, catalogue)


class _Counter:
    """Turns names of pictures that are done into progress, if somebody wants it."""

    def __init__(self, progress: Progress | None, done: int, total: int) -> None:
        self._progress, self._done, self._total = progress, done, total
        self.tell("")

    def __call__(self, name: str) -> None:
        self._done += 1
        self.tell(name)

    def tell(self, what: str) -> None:
        if self._progress is not None:
            self._progress(self._done, self._total, what)


def _outcome(contents: Contents, tasks: list[Undecoded], staging: Staging) -> tuple[list[Usable], dict[str, str]]:
    """The pictures that can be used, and the reasons why others cannot."""
    usable, skipped = [], dict(contents.skipped)
    records = staging.records([task.key for task in tasks])
    for found, task, record in zip(contents.pictures, tasks, records, strict=True):
        if record.part:
            usable.append(Usable(found=found, part=record.part, key=task.key))
        else:
            skipped[found.name] = record.reason
    return usable, skipped


def _key(source: Storage | None, found: Found, contents: Contents, side: int) -> str:
    # Archives give all their files one date: name, size and date alone may be those of another folder's picture.
    place = source.place if source else PROCEDURAL
    files = [(name, contents.states.get(name)) for name in (found.name, *found.inputs)]
    return content_hash([PART_FORMAT, place, side, files])[:32]


def _beside(output: Storage) -> Storage:
    if isinstance(output, LocalStorage):
        return LocalStorage(output.path.with_name(f".{output.path.name}.parts"))
    return open_storage(f"{output.place}/.parts")


@contextlib.contextmanager
def _explained(output: Storage, staging: Staging) -> Iterator[None]:
    """Let a folder that cannot be read or written be one line that says what is kept."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise DataError(
            f"cannot prepare {output.place}: {why}; mend that and run the same command again: the pictures that are "
            f"done are kept in {staging.place}"
        ) from error


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


def _nothing_left(source: Storage | None, skipped: dict[str, str]) -> str:
    place = source.place if source else PROCEDURAL
    if not skipped:
        return (
            f"no HDR picture in {place} or below it; {', '.join(HDR_SUFFIXES)} files are read, and .jpg with a gain map"
        )
    first = min(skipped)
    return (
        f"none of the {len(skipped)} HDR pictures in {place} can be used, for example {first}: {skipped[first]}; "
        "mend them or give another folder"
    )


def _lock(output: Storage) -> FileLock:
    """One preparation of a folder at a time on this machine; the lock lies under `$MQN_HOME`, in nobody's way."""
    folder = home() / "data" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    place = str(output.path.resolve()) if isinstance(output, LocalStorage) else output.place
    return FileLock(folder / f"{content_hash(place)[:16]}.lock")
