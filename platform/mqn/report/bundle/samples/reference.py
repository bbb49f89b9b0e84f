"""A picture in the bundle and what its model makes of it: so anyone can tell that the model runs as it did here."""

from __future__ import annotations

import hashlib
import re
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mqn.errors import ModelFileError
from mqn.hdr.io.files import read
from mqn.hdr.scenes import scene
from mqn.hdr.transfer import srgb_encode
from mqn.infer.interpreter import open_interpreter, run
from mqn.report.bundle.samples.writing import FOLDER
from mqn.tflite.cutting import INPUT as LDR
from mqn.tflite.cutting import OUTPUT as HDR

INPUT, OUTPUT, SCRIPT = f"{FOLDER}/input.ppm", f"{FOLDER}/output.pfm", f"{FOLDER}/convert.py"
_SEED = 3  # a sunset: clipped, dark, and everything between
_LARGEST_DRAWN = 256
_CLIPPED_ABOVE = 97.0


def write_reference(folder: Path, names: Sequence[str], measured: Sequence[Path], input_size: int) -> dict[str, Any]:
    """Draw the picture, run the bundle's files and its Python sample on it, and keep what came out.

    Args:
        folder: of the bundle; it holds the files and the sample.
        names: of its files, in the order they run.
        measured: the files that were scored and measured, likewise; they have to give the same, bit by bit.
        input_size: side of the input in pixels.

    Returns:
        `input`, `output`: names of the files; `sha256`: of what the network gives, before it is decoded.

    Raises:
        ModelFileError: the bundle's files give something else than those that were measured.
    """
    picture = _draw(input_size)
    (folder / INPUT).write_bytes(b"P6\n%d %d\n255\n" % (input_size, input_size) + picture.tobytes())
    given, before = (output_hash(files, picture) for files in ([folder / name for name in names], measured))
    if given != before:
        raise ModelFileError(
            f"{folder} gives another picture than the files that were measured (SHA-256 {given[:12]}, not "
            f"{before[:12]}); try again, and report it if it stays so"
        )
    # The very sample that the bundle carries: it has just been written, from a template of ours.
    runpy.run_path(str(folder / SCRIPT))["convert"](folder / INPUT, folder / OUTPUT)
    return {"input": INPUT, "output": OUTPUT, "sha256": given}


def output_of(files: Sequence[Path], picture: np.ndarray) -> np.ndarray:
    """What a network gives for a picture, (S, S, 3) uint8, before it is decoded: (S, S, 3) float32.

    Raises:
        ModelFileError: a file is damaged, or takes another picture.
    """
    values = {LDR: unit_values(picture)[None]}
    try:
        for file in files:
            values |= run(open_interpreter(file), values)
    except (ValueError, RuntimeError) as error:
        raise ModelFileError(
            f"{files[0].parent} cannot be run on its picture: {' '.join(str(error).split())}"
        ) from error
    return np.asarray(values[HDR][0], np.float32)


def unit_values(picture: np.ndarray) -> np.ndarray:
    """Bytes as a network takes them: float32 in [0, 1]."""
    return (picture / 255.0).astype(np.float32)


def output_hash(files: Sequence[Path], picture: np.ndarray) -> str:
    """The SHA-256 of what a network gives for a picture."""
    return sha256_of(output_of(files, picture))


def sha256_of(output: np.ndarray) -> str:
    """Of its values, little-endian, row by row."""
    return hashlib.sha256(output.astype("<f4").tobytes()).hexdigest()


def read_input(path: Path) -> np.ndarray:
    """The picture that `write_reference` wrote, (S, S, 3) uint8.

    Raises:
        ModelFileError: it is none.
    """
    content = path.read_bytes()
    header = re.match(rb"P6\s+(\d{1,6})\s+(\d{1,6})\s+255\s", content)
    if header is None:
        raise ModelFileError(f"{path} is no PPM picture; select the model again")
    wide, tall = int(header[1]), int(header[2])
    if len(content) - header.end() != tall * wide * 3:
        raise ModelFileError(f"{path} is cut short; select the model again")
    return np.frombuffer(content, np.uint8, offset=header.end()).reshape(tall, wide, 3)


def read_output(path: Path) -> np.ndarray:
    """The light that `write_reference` wrote, (S, S, 3) float32. Raises `PictureError` if it is none."""
    return read(path)


def _draw(size: int) -> np.ndarray:
    light = scene(min(size, _LARGEST_DRAWN), _SEED)
    codes = srgb_encode(np.clip(light / np.percentile(light, _CLIPPED_ABOVE), 0, 1))
    sized = cv2.resize(codes, (size, size), interpolation=cv2.INTER_LINEAR) if size > _LARGEST_DRAWN else codes
    return np.asarray(np.rint(np.clip(sized, 0, 1) * 255), np.uint8)
