"""An exported model on disk: a folder with TFLite files and the manifest that says how to feed and read them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast, get_args

from mqn.errors import ConfigError, ModelFileError, UsageError
from mqn.files.publishing import publish_file
from mqn.infer.default import located
from mqn.parsing import file_hash, read_json
from mqn.plain_values import shown
from mqn.records import Codec, Manifest

MANIFEST = "manifest.json"
# The order in which a model's files run.
FUSED = ("model.tflite",)
SPLIT = ("backbone.tflite", "head.tflite")
STAGE, BUNDLE = "quantize", "bundle"
_LARGEST_INPUT = 65536
# What is on its way: it comes first and becomes the manifest last.
_ANNOUNCED = f".{MANIFEST}.new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A model ready to run.

    Attributes:
        folder: where it lies.
        files: its TFLite files in the order they run: one, or backbone and head.
        codec: how its output stands for linear light (`mqn.hdr.codec`).
        input_size: side of its square input in pixels.
        manifest: what it was made from.
    """

    folder: Path
    files: tuple[Path, ...]
    codec: Codec
    input_size: int
    manifest: Manifest


def open_exported(folder: Path) -> Exported:
    """Open a folder that an export, a trial or `mqn select` wrote, and check every file against its manifest.

    `default` is the model in the box (`mqn.infer.default`).

    Raises:
        ModelFileError: a file is missing, truncated or changed, or the manifest does not describe a model.
    """
    folder = located(folder)
    if not folder.is_dir():
        raise ModelFileError(f"no exported model at {folder}; give a folder that `mqn export` or `mqn select` wrote")
    try:
        manifest = read_json(Manifest, folder / MANIFEST)
    except ConfigError as error:
        raise ModelFileError(str(error)) from error
    files = files_of(folder)
    for file in files:
        expected, found = manifest.files.get(file.name), file_hash(file)
        if found != expected:
            raise ModelFileError(f"{file} is not the file its manifest names (SHA-256 {found[:12]}); export it again")
    for name in manifest.files:  # What lies beside the models is copied with them.
        if not lies_in(name, manifest.stage):
            raise ModelFileError(f"{folder / MANIFEST} names {shown(name)}, which is no file beside it; export again")
    codec, input_size = manifest.details.get("codec"), manifest.details.get("input_size")
    if isinstance(codec, str) and codec not in get_args(Codec):
        known = ", ".join(get_args(Codec))
        raise ModelFileError(
            f"{folder / MANIFEST}: this version of mqn does not know the codec {shown(codec)}; it knows {known}"
        )
    if codec not in get_args(Codec) or not isinstance(input_size, int) or not 0 < input_size <= _LARGEST_INPUT:
        raise ModelFileError(f"{folder / MANIFEST} does not say codec and input_size; export the model again")
    return Exported(folder=folder, files=files, codec=cast("Codec", codec), input_size=input_size, manifest=manifest)


def lies_in(name: str, stage: str) -> bool:
    """Whether a manifest's file lies in its folder; only bundles have folders of their own in it."""
    path = PurePosixPath(name)
    plain = bool(path.parts) and ".." not in path.parts and str(path) == name and not path.is_absolute()
    return plain and (len(path.parts) == 1 or stage == BUNDLE)


def place(source: Path, target: Path) -> Exported:
    """Copy a finished model into a folder of the user's, such that a copy cut short is never taken for a model.

    What was there of an earlier model goes first, the manifest comes last. Two that copy at once do so in turns.

    Args:
        source: a folder that `open_exported` opens.
        target: made where it is not there.

    Raises:
        ModelFileError: the source is not whole.
        UsageError: the target is not to be written to, as `check_target` says, or cannot be.
    """
    model = open_exported(source)
    check_target(target)
    if target.exists() and target.samefile(source):
        return model
    try:
        return _copy(model, target)
    except OSError as error:
        raise UsageError(
            f"cannot write to {target}: {error.strerror}; make room there, or give another folder"
        ) from error


def _copy(model: Exported, target: Path) -> Exported:
    target.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        _check_contents(target)
        earlier = _placed(target)
        shutil.copyfile(model.folder / MANIFEST, target / _ANNOUNCED)
        for name in (MANIFEST, *earlier, *FUSED, *SPLIT):
            (target / name).unlink(missing_ok=True)
        for name in model.manifest.files:
            temporary = target / f".{name}.new"
            shutil.copyfile(model.folder / name, temporary)
            publish_file(temporary, target / name)
        publish_file(target / _ANNOUNCED, target / MANIFEST)
        return open_exported(target)


def check_target(target: Path) -> None:
    """Make sure that a model may be copied into a folder: it is new, or holds nothing but what `place` left there.

    Raises `UsageError` if it is a file, or what it holds of a model came from elsewhere.
    """
    if target.is_dir():
        with _alone(target):  # Another process may be in the middle of a copy.
            _check_contents(target)
    elif target.exists():
        raise UsageError(f"{target} is a file; name a folder for the model's files")


def _check_contents(target: Path) -> None:
    if (target / MANIFEST).exists():
        try:
            stage = read_json(Manifest, target / MANIFEST).stage
        except ConfigError as error:
            raise UsageError(f"{target} holds a {MANIFEST} that is none of an export; give another folder") from error
        if stage != STAGE:
            raise UsageError(f"{target} holds what {stage!r} made, not an export; give another folder")
    elif not (target / _ANNOUNCED).exists():
        strange = next((name for name in (*FUSED, *SPLIT) if (target / name).exists()), None)
        if strange:
            raise UsageError(f"{target} holds a {strange} that no export put there; give another folder")


def _placed(target: Path) -> list[str]:
    """Names of all that earlier copies put into a folder, or were about to when they were cut short."""
    names: set[str] = set()
    for manifest in (target / MANIFEST, target / _ANNOUNCED):
        with contextlib.suppress(ConfigError):  # There is none, or half of one.
            names |= set(read_json(Manifest, manifest).files)
    return [kept for name in sorted(names) if Path(name).name == name for kept in (name, f".{name}.new")]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder; waits while another process does. The lock goes with the process, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def files_of(folder: Path) -> tuple[Path, ...]:
    """The TFLite files of an exported model in the order they run. Raises `ModelFileError` if there are none."""
    for names in (FUSED, SPLIT):
        files = tuple(folder / name for name in names)
        if all(file.is_file() for file in files):
            return files
    raise ModelFileError(f"{folder} holds neither {FUSED[0]} nor {' and '.join(SPLIT)}")


def model_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Find the model that a user named: a folder, `default`, or one or two .tflite files. Or raise `ModelFileError`."""
    if len(paths) == 1 and (folder := located(paths[0])).is_dir():
        return files_of(folder)
    for path in paths:
        if not path.is_file():
            raise ModelFileError(f"no model at {path}; give one .tflite file, backbone and head, or an export's folder")
    if len(paths) > 2:
        raise ModelFileError(f"{len(paths)} files given; a model has one file, or two (backbone, head)")
    return tuple(paths)
