"""A folder of predictions: HDR pictures made elsewhere, each named like the picture that it predicts.

Values are linear BT.709 with 1.0 = the truth's 99.9 % point, as `mqn convert` writes them. For a method that does not
know this scale, only the gain-aligned measures are fair.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from mqn.errors import PictureError, UsageError
from mqn.hdr.io.files import HDR_SUFFIXES, read
from mqn.parsing import content_hash
from mqn.scoring.judging.evaluation import Listed

_DROPPED = (*HDR_SUFFIXES, ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".heic", ".heif", ".dng", ".nef")


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with a folder of predictions.

    Attributes:
        missing: names of pictures without a prediction.
        misnamed: files whose names match no picture.
        unusable: picture name to the reason why its prediction cannot be judged.
    """

    missing: tuple[str, ...]
    misnamed: tuple[str, ...]
    unusable: dict[str, str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.misnamed or self.unusable)

    def __str__(self) -> str:
        parts = []
        if self.missing:
            parts.append(f"{len(self.missing)} missing: {', '.join(self.missing)}")
        if self.misnamed:
            parts.append(f"{len(self.misnamed)} named as no picture: {', '.join(self.misnamed)}")
        if self.unusable:
            parts.append(f"{len(self.unusable)} unusable: {', '.join(self.unusable.values())}")
        return "; ".join(parts)


class PredictionFolder:
    """Predictions by picture name. A name includes subfolders; the file's suffix does not count."""

    def __init__(self, path: Path) -> None:
        """Look for predictions in a folder and those below it.

        Raises:
            UsageError: there is no HDR picture in it, or two of one name.
        """
        self.path = path
        self._files = _listing(path)
        if not self._files:
            raise UsageError(
                f"{path} holds neither an exported model (manifest.json) nor predictions ({', '.join(HDR_SUFFIXES)})"
            )

    def fingerprint(self) -> str:
        """SHA-256 of the names, sizes and modification times of all files."""
        return content_hash([(key, *_state(file)) for key, file in self._files.items()])

    def find(self, name: str) -> Path:
        """Find the file that predicts a picture; raises `PictureError` if there is none."""
        file = self._files.get(_key(name))
        if file is None:
            raise PictureError(f"{self.path} holds no prediction of {name}")
        return file

    def read(self, name: str) -> np.ndarray:
        """Read the prediction of a picture, (H, W, 3) float32 linear; raises `PictureError` if that fails."""
        return read(self.find(name))

    def check(self, pictures: Sequence[Listed]) -> Findings:
        """Read every prediction once, and report what is missing, misnamed, damaged or of another size.

        Raises:
            UsageError: two of the pictures would have one prediction.
        """
        wanted: dict[str, Listed] = {}
        for picture in pictures:
            if wanted.setdefault(_key(picture.name), picture) is not picture:
                other = wanted[_key(picture.name)].name
                raise UsageError(
                    f"{self.path} cannot predict {other} and {picture.name}, whose names differ only in their suffix; "
                    "rename one of them in the dataset"
                )
        present = [picture for key, picture in wanted.items() if key in self._files]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            reasons = list(pool.map(self._reason, present))
        return Findings(
            missing=tuple(picture.name for key, picture in wanted.items() if key not in self._files),
            misnamed=tuple(str(file.relative_to(self.path)) for key, file in self._files.items() if key not in wanted),
            unusable={p.name: reason for p, reason in zip(present, reasons, strict=True) if reason},
        )

    def _reason(self, picture: Listed) -> str:
        try:
            height, width, _ = self.read(picture.name).shape
        except PictureError as error:
            return str(error)
        if (height, width) == (picture.height, picture.width):
            return ""
        return f"{self.find(picture.name)} is {width} x {height}, its picture {picture.width} x {picture.height}"


def _listing(path: Path) -> dict[str, Path]:
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in HDR_SUFFIXES and not file.is_dir())
    listing: dict[str, Path] = {}
    for file in files:
        other = listing.setdefault(_key(file.relative_to(path).as_posix()), file)
        if other is not file:
            raise UsageError(f"{other} and {file} predict the same picture; remove one of them")
    return listing


def _state(file: Path) -> tuple[int, int]:
    """Size and modification time; zeros for a broken link, which `PredictionFolder.check` reports."""
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _key(name: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_suffix("") if path.suffix.lower() in _DROPPED else path)
