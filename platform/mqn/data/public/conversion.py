"""Rewrites published pictures in codes of their own as linear OpenEXR files beside the originals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.io.files import write
from mqn.hdr.io.ldr_formats import decode_png
from mqn.hdr.primaries import change_primaries
from mqn.hdr.transfer import pq_decode

_FULL = np.float32(65535)
_NTIRE_GAMMA = 2.24


def converted(path: Path) -> Path:
    """Where the linear form of a file lies."""
    return path.with_suffix(".exr")


def convert(path: Path, encoding: str) -> None:
    """Write a file's linear form, if it is not there yet.

    Raises:
        PictureError: the file is damaged, or is not in that encoding, or its linear form cannot be written.
    """
    target = converted(path)
    if target.is_file():
        return
    write(target, ENCODINGS[encoding](path))


def _pq_bt2020(path: Path) -> np.ndarray:
    """16-bit PNG, PQ, BT.2020, full range: to cd/m2 in BT.709; colours beyond it are clipped."""
    nits = pq_decode(_codes(path) / _FULL)
    return np.clip(change_primaries(nits, "bt2020", "bt709"), 0.0, None)


def _ntire2021(path: Path) -> np.ndarray:
    """`0001_gt.png` over `0001_alignratio.npy`, and gamma 2.24: as the challenge's own scoring reads its truth."""
    ratio_file = path.with_name(path.name.replace("_gt.png", "_alignratio.npy"))
    try:
        ratio = float(np.load(ratio_file, allow_pickle=False))
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise PictureError(f"{path}: its {ratio_file.name} cannot be read: {error}") from error
    if not ratio > 0:
        raise PictureError(f"{path}: its {ratio_file.name} says {ratio}; a positive ratio is needed")
    linear: np.ndarray = (_codes(path) / np.float32(ratio)) ** np.float32(_NTIRE_GAMMA)
    return linear


ENCODINGS: dict[str, Callable[[Path], np.ndarray]] = {"pq-bt2020": _pq_bt2020, "ntire2021": _ntire2021}


def _codes(path: Path) -> np.ndarray:
    pixels = decode_png(path).codes
    if pixels.dtype != np.uint16 or pixels.ndim != 3 or pixels.shape[2] < 3:
        raise PictureError(f"{path}: holds {pixels.dtype} values of the shape {pixels.shape}; 16-bit RGB is needed")
    codes: np.ndarray = pixels[..., :3].astype(np.float32)
    return codes
