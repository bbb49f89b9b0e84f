"""Converts a picture, or a folder of pictures; finished files are not made twice."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mqn.errors import PictureError, UsageError
from mqn.hdr.io.files import LDR_SUFFIXES, WRITTEN_SUFFIXES, load_ldr, write
from mqn.hdr.io.formats import encode_exr
from mqn.hdr.io.ultra_hdr import (
    ULTRA_HDR_SUFFIXES,
    WHITE_NITS,
    GainMapOptions,
    decode_ultra_hdr,
    read_base,
    write_ultra_hdr,
)
from mqn.hdr.io.unread import is_unread
from mqn.hdr.primaries import change_primaries
from mqn.media.ledger import Ledger
from mqn.media.targets import name_targets, results
from mqn.parsing import content_hash, file_hash

LEDGER = ".mqn-convert.jsonl"
REVISION = 2
"""Of what makes the results: those of another one are made again."""

_VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".wmv",
)  # fmt: skip

Expand = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOptions:
    """How pictures are written.

    Attributes:
        colours: primaries, `bt709` or `bt2020`.
        white_nits: cd/m2 of 1.0, stated where the format can (OpenEXR).
        input_primaries: of pictures without a colour profile: `srgb`, or `p3` (base pictures of Ultra HDR files).
        gain_map: how Ultra HDR files (.jpg) get their gain maps; None where none is written.
    """

    colours: str = "bt709"
    white_nits: float = 1000.0
    input_primaries: Literal["srgb", "p3"] = "srgb"
    gain_map: GainMapOptions | None = None


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


def convert_picture(
    source: Path, target: Path, expand: Expand | None, options: PictureOptions, fit: Expand | None = None
) -> tuple[str, ...]:
    """Convert one picture; returns what is worth knowing of the source, each a clause.

    Args:
        source: a file that `load_ldr` takes.
        target: a file that `write` takes, or one of Ultra HDR for a JPEG source; its folder is made.
        expand: the model: (H, W, 3) sRGB in [0, 1] to (H, W, 3) linear BT.709, 1.0 = the scene's scale. None: the
            source is an Ultra HDR file, and its own HDR picture is taken.
        options: how to read and write; with `gain_map` for an Ultra HDR target.
        fit: makes a picture smaller before it is expanded; only for an Ultra HDR target, whose map is as small then.

    Raises:
        PictureError: the source cannot be read, or the target not be written.
        UsageError: the target is the source.
    """
    require_other_file(source, target)
    if expand is None:
        decoded = decode_ultra_hdr(source)
        # Colours beyond BT.709 have their place in BT.2020.
        light = decoded.pixels if options.colours == "bt2020" else np.maximum(decoded.pixels, 0)
        _write(target, light, options.colours, WHITE_NITS)
        return decoded.notes
    # Before the model's work: not every picture can have a gain map.
    base = read_base(source, replace=options.gain_map.replace) if options.gain_map else None
    image, notes = _load(source, options, fit)
    light = expand(image)
    if base is None or options.gain_map is None:
        _write(target, light, options.colours, options.white_nits)
        return notes
    _make_folder(target)
    return notes + write_ultra_hdr(target, base, light, options.gain_map)


def _load(source: Path, options: PictureOptions, fit: Expand | None) -> tuple[np.ndarray, tuple[str, ...]]:
    picture = load_ldr(source, options.input_primaries)
    return picture.image if fit is None else fit(picture.image), picture.notes


def convert_folder(
    sources: Sequence[Path],
    folder: Path,
    output: Path,
    suffix: str,
    expand: Expand | None,
    *,
    model: dict[str, Any],
    options: PictureOptions,
    fit: Expand | None = None,
    advance: Callable[[Path], None] | None = None,
) -> PictureReport:
    """Convert many pictures. Failures are named and left out; finished results are kept.

    Args:
        sources: as `folder_pictures` finds them.
        folder: theirs.
        output: folder of the results, the same tree as `folder`; `LEDGER` there remembers what each was made from, and
            a file that does not stand in it is never replaced.
        suffix: of the results, one that `require_writable` accepts.
        expand: as for `convert_picture`, None too.
        model: what identifies it, plain values.
        options: how to write.
        fit: as for `convert_picture`.
        advance: told after each picture.

    Raises:
        PictureError: the folder cannot be written.
    """
    ledger = _open_ledger(output)
    known = results(ledger.entries)
    named = [source.relative_to(folder).as_posix() for source in sources]

    def work_of(name: str) -> str | None:
        try:
            return _work(folder / name, model, options)
        except (PictureError, OSError):
            return None

    targets = name_targets(named, folder, suffix, known, work_of)
    report = PictureReport()
    for name, source in zip(named, sources, strict=True):
        target = output / targets[name]
        entry = {"source": name, "folder": str(folder.resolve()), "target": targets[name]}
        try:
            work = _work(source, model, options)
            former = known.get(targets[name])
            if former is None and os.path.lexists(target):
                raise PictureError(f"{target}: is there already and is no result of this command; move it away")
            if former is not None and former.work == work and target.is_file():
                report.skipped.append(target)
            else:
                if former is None:
                    # A kill between the file and its line would leave a result that is nobody's.
                    ledger.add({**entry, "work": None})
                if notes := convert_picture(source, target, expand, options, fit):
                    report.notes[str(source)] = notes
                ledger.add({**entry, "work": work})
                report.written.append(target)
        except (PictureError, UsageError) as error:
            report.failures[str(source)] = str(error)
        except OSError as error:
            report.failures[str(source)] = f"{error.filename or source}: {error.strerror}"
        if advance is not None:
            advance(source)
    return report


def _write(target: Path, light: np.ndarray, colours: str, white_nits: float) -> None:
    """Write (H, W, 3) linear BT.709; colours that the target's primaries do not hold are clipped."""
    _make_folder(target)
    if target.suffix.lower() == ".exr":
        encode_exr(target, np.maximum(change_primaries(light, "bt709", colours), 0), colours, white_nits)
    else:
        write(target, light)


def _make_folder(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"{target}: cannot be written: {error.strerror}") from error


def _open_ledger(output: Path) -> Ledger:
    """The ledger of a folder of results."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        ledger = Ledger(output / LEDGER, {"revision": REVISION})
    except OSError as error:
        raise PictureError(f"{output}: cannot be written: {error.strerror}") from error
    for outdated in results(ledger.former):
        # Of another revision: it may be replaced, and is no finished result.
        ledger.add({"target": outdated, "work": None})
    return ledger


def _work(source: Path, model: dict[str, Any], options: PictureOptions) -> str:
    """A hash of everything that decides a result."""
    # A pipe under a picture's name would wait for ever.
    if not stat.S_ISREG(source.stat().st_mode):
        raise PictureError(f"{source}: is no ordinary file")
    # An option that is not used leaves earlier results what they are.
    used = {name: value for name, value in asdict(options).items() if value is not None}
    return content_hash({"input": file_hash(source), "model": model, "options": used})


def folder_pictures(folder: Path, output: Path, suffix: str) -> list[Path]:
    """The pictures of a folder, sorted.

    Args:
        folder: searched with its subfolders.
        output: folder of the results; what it holds is not taken for input where it lies in `folder`.
        suffix: of the results, one that `require_writable` accepts.

    Raises:
        UsageError: there is no picture, or the results would lie among the sources and look like them.
    """
    if suffix.lower() in LDR_SUFFIXES and output.resolve() == folder.resolve():
        raise UsageError(f"{suffix} files in {output} would mix with the pictures there; name another --output folder")
    sources = [file for file in _files(folder, output)[0] if file.suffix.lower() in LDR_SUFFIXES]
    if not sources:
        raise UsageError(f"{folder} holds no {', '.join(LDR_SUFFIXES)} file")
    return sources


def left_out(folder: Path, output: Path) -> tuple[list[Path], list[Path], list[Path]]:
    """What `folder_pictures` leaves out: videos, pictures of unread kinds, folders that cannot be listed."""
    files, closed = _files(folder, output)
    return (
        [file for file in files if file.suffix.lower() in _VIDEO_SUFFIXES],
        [file for file in files if is_unread(file.name)],
        closed,
    )


def require_other_file(source: Path, target: Path) -> None:
    """Refuse to replace what is converted; raises `UsageError` if they are the same file."""
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target} is what is to be converted and would be replaced; give another --output")


def _files(folder: Path, output: Path) -> tuple[list[Path], list[Path]]:
    """All files except hidden ones, and the folders that cannot be listed.

    Files in `output` are results where it lies in `folder`.
    """
    root, place = folder.resolve(), output.resolve()
    closed: list[Path] = []

    def tell(error: OSError) -> None:
        closed.append(Path(error.filename))

    walked = (Path(parent) / name for parent, _, names in os.walk(folder, onerror=tell) for name in names)
    files = sorted(file for file in walked if _is_listed(file))
    if place == root:
        return files, closed
    return [file for file in files if not (root / file.relative_to(folder)).is_relative_to(place)], closed


def _is_listed(file: Path) -> bool:
    """Broken links and special files count: reading them gives an error that names them."""
    try:
        is_folder = file.is_dir()
    except OSError:
        is_folder = False
    return not is_folder and not file.name.startswith(".")


def require_writable(suffix: str, colours: str) -> None:
    """Check a target's format; raises `UsageError` if it is not written, or cannot state the primaries asked for."""
    if suffix.lower() not in (*WRITTEN_SUFFIXES, *ULTRA_HDR_SUFFIXES):
        raise UsageError(
            f"cannot write {suffix!r}; allowed: {', '.join(WRITTEN_SUFFIXES)}, and .jpg with a gain map (Ultra HDR)"
        )
    if colours != "bt709" and suffix.lower() != ".exr":
        raise UsageError(f"--primaries {colours} cannot be stated in {suffix}; write .exr")
