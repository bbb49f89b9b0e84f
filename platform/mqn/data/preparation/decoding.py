"""One HDR file and the camera's own pictures of it, from files to the values that a dataset stores."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from mqn.data.preparation.sources import VIEW
from mqn.data.storage.blob import value_hash
from mqn.data.storage.folders import Storage
from mqn.errors import LocalNameError, PictureError
from mqn.files.local_names import below
from mqn.hdr.io.files import load, load_ldr
from mqn.hdr.tonemap import luminance
from mqn.hdr.transfer import srgb_decode, srgb_encode
from mqn.parsing import file_hash

LARGEST_EXPONENT = 15
"""Stored values stay below 2**15: half floats end at 65504, and below 2**-14 they lose digits."""

SMALLEST_SIDE = 8
"""Pixels of the shorter side below which no training crop can be cut out of a picture."""

UNLABELLED = "camera"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPart:
    """A camera input as it is stored; fields as of `mqn.data.storage.catalogue.InputEntry`."""

    name: str
    label: str
    file_sha256: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is known of a picture once it is decoded.

    Fields that are not named here are those of `mqn.data.storage.catalogue.Entry`.

    Attributes:
        negative_values: how many of its values were below 0 and are 0 now.
        inputs: the camera's own pictures of it, as they are stored.
        skipped: names of those that could not be used, to the reason.
        notes: name of the picture or of an input to what was converted, cropped or chosen in reading it.
    """

    name: str
    height: int
    width: int
    scale: float
    dynamic_range_log10: float | None
    file_sha256: str
    sha256: str
    negative_values: int = 0
    inputs: tuple[InputPart, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A picture's record and its values.

    Attributes:
        part: the record.
        picture: (H, W, 3) float16.
        inputs: (H, W, 3) uint8 each, in the order of `part.inputs`.
    """

    part: Part
    picture: np.ndarray
    inputs: tuple[np.ndarray, ...]


def decode(source: Storage, name: str, inputs: Sequence[str], *, side: int) -> Decoded:
    """Read a picture and the camera's own ones of it, and bring them to the size and values to store.

    Args:
        source: the folder that they lie in.
        name: of the HDR file.
        inputs: names of the camera's own pictures; one that cannot be used is named in the result's `skipped`.
        side: pixels that the shorter side is brought down to, if it is longer.

    Raises:
        PictureError: the HDR file cannot be used; gives the reason in one line, without the path.
        OSError: the folder cannot be reached.
    """
    with _opened(source, name) as path:
        picture, digest = load(path), _digest(path)
        _require_a_scene(path, picture.image)
    taken, skipped, pixels = [], {}, []
    notes = {name: picture.notes}
    size = _size(picture.image, side)
    for own in inputs:
        try:
            with _opened(source, own) as path:
                loaded, own_digest = load_ldr(path), _digest(path)
                values = _input_values(path, loaded.image, picture.image, size)
        except PictureError as error:
            skipped[own] = str(error)
            continue
        taken.append(InputPart(name=own, label=label(own, name), file_sha256=own_digest, sha256=value_hash(values)))
        pixels.append(values)
        notes[own] = loaded.notes
    return store(
        name,
        _downscaled(picture.image, size),
        file_sha256=digest,
        negative_values=picture.negative_values,
        inputs=tuple(taken),
        skipped=skipped,
        notes={file: clauses for file, clauses in notes.items() if clauses},
        pixels=tuple(pixels),
    )


def store(
    name: str,
    image: np.ndarray,
    *,
    file_sha256: str = "",
    negative_values: int = 0,
    inputs: tuple[InputPart, ...] = (),
    skipped: dict[str, str] | None = None,
    notes: dict[str, tuple[str, ...]] | None = None,
    pixels: tuple[np.ndarray, ...] = (),
) -> Decoded:
    """Turn a picture, (H, W, 3) float32, finite, not negative, not black, into the half floats that are stored of it.

    It is scaled by a power of 2, which changes no digit. So half-float files that were not downscaled are stored
    exactly, and other values to one part in 2048. `pixels` are those of the inputs; the rest is as in `Part`.
    """
    exponent = math.frexp(float(image.max()))[1] - LARGEST_EXPONENT
    values = np.ldexp(image, -exponent).astype("<f2")
    low, high = (float(point) for point in np.percentile(luminance(image), (0.1, 99.9)))
    part = Part(
        name=name,
        height=image.shape[0],
        width=image.shape[1],
        scale=math.ldexp(1.0, exponent),
        dynamic_range_log10=round(math.log10(high / low), 3) if low > 0 else None,
        file_sha256=file_sha256,
        sha256=value_hash(values),
        negative_values=negative_values,
        inputs=inputs,
        skipped=skipped or {},
        notes=notes or {},
    )
    return Decoded(part=part, picture=values, inputs=pixels)


def label(name: str, picture: str) -> str:
    """What a camera input is called: `night__over.jpg` is the `over` of `night.exr`; without `__` it is `camera`."""
    own, truth = PurePosixPath(name).stem, PurePosixPath(picture).stem
    return own.removeprefix(truth).rpartition(VIEW)[2] if VIEW in own.removeprefix(truth) else UNLABELLED


@contextlib.contextmanager
def _opened(source: Storage, name: str) -> Iterator[Path]:
    """A file of the folder. Paths are taken off what goes wrong with it: whoever lists the files names it himself."""
    try:
        below(name)
    except LocalNameError as error:
        raise PictureError("lies outside the folder; an input has to lie in it") from error
    try:
        with source.as_local(name) as path:
            try:
                yield path
            except PictureError as error:
                raise PictureError(str(error).removeprefix(f"{path}: ")) from error
    except FileNotFoundError as error:
        raise PictureError("no such file") from error
    except PermissionError as error:
        raise PictureError(f"cannot be read: {error.strerror or error}") from error


def _digest(path: Path) -> str:
    try:
        return file_hash(path)
    except OSError as error:
        raise PictureError(f"{path}: cannot be read: {error.strerror}") from error


def _require_a_scene(path: Path, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        raise PictureError(
            f"{path}: has {width} x {height} pixels; no training crop can be cut where a side has fewer than "
            f"{SMALLEST_SIDE}"
        )
    if not image.any():
        raise PictureError(f"{path}: is black throughout, so it cannot be scaled")
    if (image == image[0, 0]).all():
        raise PictureError(f"{path}: is of one colour all over; there is nothing in it to learn or to judge by")


def _size(image: np.ndarray, side: int) -> tuple[int, int]:
    """Height and width to store a picture at."""
    height, width = image.shape[:2]
    factor = min(side / min(height, width), 1.0)
    return max(round(height * factor), min(side, height)), max(round(width * factor), min(side, width))


def _downscaled(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if image.shape[:2] == size:
        return image
    return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA))


def _input_values(path: Path, image: np.ndarray, truth: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The code values of a camera's picture, at the size that its truth is stored at.

    Light is averaged, not code values, as in the truth: what neither clips stays one function of the other.
    """
    (height, width), (rows, columns) = image.shape[:2], truth.shape[:2]
    # One pixel is what rounding may make of the same shape at another size.
    if abs(width * rows - height * columns) > max(rows, columns):
        raise PictureError(f"{path}: has {width} x {height} pixels, another shape than its HDR's {columns} x {rows}")
    if height < size[0] - 1 or width < size[1] - 1:
        raise PictureError(
            f"{path}: has {width} x {height} pixels, fewer than the {size[1]} x {size[0]} that its HDR is stored at"
        )
    if (height, width) != size:
        light = cv2.resize(srgb_decode(image), size[::-1], interpolation=cv2.INTER_AREA)
        image = srgb_encode(np.asarray(light))
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
