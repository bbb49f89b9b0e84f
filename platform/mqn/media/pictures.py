"""A picture, or a folder of them, through a model; a folder's finished files are not made twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mqn.errors import PictureError, UsageError
from mqn.hdr.files import HDR_SUFFIXES, LDR_SUFFIXES, load_ldr, write
from mqn.hdr.formats import encode_exr
from mqn.hdr.primaries import change_primaries
from mqn.media.ledger import Ledger
from mqn.parsing import content_hash, file_hash

LEDGER = ".mqn-convert.jsonl"
REVISION = 2

Expand = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOptions:
    """How pictures are written.

    Attributes:
        colours: primaries, `bt709` or `bt2020`.
        white_nits: cd/m2 of 1.0, stated where the format can (OpenEXR).
        input_primaries: of pictures without a colour profile: `srgb`, or `p3` (base pictures of Ultra HDR files).
    """

    colours: str = "bt709"
    white_nits: float = 1000.0
    input_primaries: Literal["srgb", "p3"] = "srgb"


@dataclass(slots=True)
class PictureReport:
    """What came of pictures.

    Attributes:
        written: the files made.
        skipped: files that were finished before.
        failures: the sources that could not be converted, and why.
        notes: what is worth knowing of those that were: mislabelled, of other colours, ...
    """

    written: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)


def convert_picture(source: Path, target: Path, expand: Expand, options: PictureOptions) -> tuple[str, ...]:
    """Convert one picture.

    Args:
        source: a file that `load_ldr` takes.
        target: a file that `write` takes; its folder is made.
        expand: the model: (H, W, 3) sRGB in [0, 1] to (H, W, 3) linear BT.709, 1.0 = the scene's scale.
        options: how to read and write.

    Returns:
        What is worth knowing of the source, each a clause.

    Raises:
        PictureError: the source cannot be read, or the target not be written.
    """
    picture = load_ldr(source, options.input_primaries)
    light = expand(picture.image)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"{target}: cannot be written: {error.strerror}") from error
    if target.suffix.lower() == ".exr":
        converted = np.maximum(change_primaries(light, "bt709", options.colours), 0)
        encode_exr(target, converted, options.colours, options.white_nits)
    else:
        write(target, light)
    return picture.notes


def convert_folder(
    pairs: Iterable[tuple[Path, Path]],
    output: Path,
    expand: Expand,
    *,
    model: dict[str, Any],
    options: PictureOptions,
    advance: Callable[[Path], None] | None = None,
) -> PictureReport:
    """Convert many pictures; what fails is named and left out, what is finished already is left as it is.

    Args:
        pairs: sources and targets.
        output: the folder that the targets are in; `LEDGER` there remembers what each was made from.
        expand: as for `convert_picture`.
        model: what identifies it, plain values.
        options: how to write.
        advance: told after each picture.

    Raises:
        PictureError: the folder cannot be written.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        ledger = Ledger(output / LEDGER, {"revision": REVISION})
    except OSError as error:
        raise PictureError(f"{output}: cannot be written: {error.strerror}") from error
    finished = {entry["target"]: entry["work"] for entry in ledger.entries}
    report = PictureReport()
    for source, target in pairs:
        name = target.relative_to(output).as_posix()
        try:
            work = content_hash({"input": file_hash(source), "model": model, "options": options})
            if finished.get(name) == work and target.is_file():
                report.skipped.append(target)
            else:
                if notes := convert_picture(source, target, expand, options):
                    report.notes[str(source)] = notes
                ledger.add({"target": name, "work": work})
                report.written.append(target)
        except PictureError as error:
            report.failures[str(source)] = str(error)
        except OSError as error:
            report.failures[str(source)] = f"{error.filename or source}: {error.strerror}"
        if advance is not None:
            advance(source)
    return report


def picture_pairs(folder: Path, output: Path, suffix: str) -> list[tuple[Path, Path]]:
    """What a folder's pictures become: the same tree under `output`.

    Pictures of the same name and different kind keep their kind in the target's name: `a.jpg.exr`, `a.png.exr`.

    Args:
        folder: searched with its subfolders.
        output: folder of the targets; what it holds is not taken for input where it lies in `folder`.
        suffix: of the targets.

    Raises:
        UsageError: there is no picture.
    """
    sources = sorted(file for file in folder.rglob("*") if file.suffix.lower() in LDR_SUFFIXES and _is_picture(file))
    if output.absolute() != folder.absolute():
        sources = [file for file in sources if not file.absolute().is_relative_to(output.absolute())]
    if not sources:
        raise UsageError(f"{folder} holds no {', '.join(LDR_SUFFIXES)} file")
    shared = Counter(source.with_suffix("") for source in sources)
    pairs = []
    for source in sources:
        place = output / source.relative_to(folder)
        alone = shared[source.with_suffix("")] == 1
        pairs.append((source, place.with_suffix(suffix) if alone else place.with_name(place.name + suffix)))
    return pairs


def _is_picture(file: Path) -> bool:
    """A link to no file counts: the attempt to read it names it."""
    is_dangling = file.is_symlink() and not file.exists()
    return (file.is_file() or is_dangling) and not file.name.startswith(".")


def require_writable(suffix: str, colours: str) -> None:
    """Check a target's format.

    Raises:
        UsageError: it is not written, or cannot state the primaries asked for.
    """
    if suffix.lower() not in HDR_SUFFIXES:
        raise UsageError(f"cannot write {suffix!r}; allowed: {', '.join(HDR_SUFFIXES)}")
    if colours != "bt709" and suffix.lower() != ".exr":
        raise UsageError(f"--primaries {colours} cannot be stated in {suffix}; write .exr")
