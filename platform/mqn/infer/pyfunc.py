"""What `mlflow.pyfunc.load_model` gives for a model of ours: pictures in, HDR pictures out.

A model's file `MLmodel` names this module (`mqn.track.flavor`), and MLflow calls `_load_pyfunc`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mqn.errors import PictureError
from mqn.infer.exported import open_exported
from mqn.infer.ldr import as_ldr
from mqn.infer.picture import Expander
from mqn.quantities import number_text

WHITE = 0.203
"""What white becomes where a model gives gains: 203 of 1000 cd/m2, as `mqn convert` has it."""


class PictureModel:
    """A model that takes several pictures at a time."""

    def __init__(self, folder: Path) -> None:
        """Load a model.

        Args:
            folder: of a bundle, or that `mqn export` or a trial wrote.

        Raises:
            ModelFileError: there is no model, or a file is missing, damaged or changed.
        """
        exported = open_exported(folder)
        threads = os.cpu_count() or 1
        self._expander = Expander(exported.files, exported.codec, threads=threads, white=WHITE)

    def predict(self, pictures: np.ndarray | Sequence[Any]) -> np.ndarray | list[np.ndarray]:
        """Turn LDR pictures into HDR pictures, with the pixels of `mqn convert`.

        Args:
            pictures: (N, H, W, 3), or N pictures of (H, W, 3), each of any size. Red first, sRGB as displayed: whole
                numbers from 0 to 255, uint16 from 0 to 65535, or floats in [0, 1]. Nested lists serve too.

        Returns:
            float32, linear BT.709, 1.0 = 1000 cd/m2 in what `mqn convert` writes: (N, H, W, 3) where all pictures are
            of one size, else a list of (H, W, 3).

        Raises:
            PictureError: there is no picture, or one has another shape, type or range.
        """
        if not len(pictures):
            raise PictureError("no picture is given; give (N, H, W, 3), or a list of pictures (H, W, 3)")
        if isinstance(pictures, np.ndarray) and pictures.ndim == 3 and pictures.dtype != object:
            raise PictureError(f"an array of shape {pictures.shape} is one picture; give (N, H, W, 3), N = 1 for one")
        light = [self._expander.expand(as_ldr(_numbers(picture))) for picture in pictures]
        return np.stack(light) if len({one.shape for one in light}) == 1 else light


def _numbers(picture: Any) -> np.ndarray:
    """A picture as an array that `as_ldr` takes: whole numbers of any type are those of 8 bits, but for uint16."""
    try:
        given = np.asarray(picture)
    except ValueError as error:
        raise PictureError("the rows of a picture are of different lengths; give (H, W, 3), red first") from error
    if given.dtype.kind not in "iu" or given.dtype == np.uint16 or not given.size:
        return given
    low, high = given.min(), given.max()
    if low < 0 or high > np.iinfo(np.uint8).max:
        raise PictureError(
            f"the picture has whole numbers from {number_text(low)} to {number_text(high)}; give 0 to 255, uint16, or "
            "floats in [0, 1]"
        )
    return given.astype(np.uint8)


def _load_pyfunc(path: str) -> PictureModel:
    """Load a model; MLflow calls this. `path` is the folder that holds the file `MLmodel`."""
    return PictureModel(Path(path))
