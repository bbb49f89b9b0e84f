"""Pictures to look at networks with: a file's centre square, some of a dataset, or a scene that the platform draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mqn.data.dataset import Dataset
from mqn.data.pairs.evaluation import SyntheticInputs, evaluation_picture
from mqn.data.pairs.synthesis import make_ldr
from mqn.data.pairs.virtual_camera import photograph
from mqn.features.views import Shown

SCENE = 10_009
"""Seed of the scene that is drawn: a room with a lamp, sun and a window; trainings draw from seed 0 on, far fewer."""


def from_file(path: Path, size: int) -> Shown:
    """Read a picture file's centre square, `size` pixels wide. A `PictureError` names the file and the reason."""
    import cv2

    from mqn.hdr.io.ldr_files import read_ldr

    picture = read_ldr(path)
    height, width, _ = picture.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[top : top + side, left : left + side]
    # Areas average what is shrunk; what is enlarged they would only repeat.
    method = cv2.INTER_AREA if side >= size else cv2.INTER_LINEAR
    return Shown(name=path.name, ldr=np.asarray(cv2.resize(square, (size, size), interpolation=method), np.float32))


def from_dataset(dataset: Dataset, size: int, count: int, *, virtual_camera: bool) -> list[Shown]:
    """At most `count` validation pictures, spread evenly over the split."""
    total = dataset.count("val")
    places = np.linspace(0, total - 1, min(count, total)).round().astype(int)
    inputs: SyntheticInputs = "virtual" if virtual_camera else "operators"
    found = [evaluation_picture(dataset, int(place), size, "val", inputs) for place in places]
    return [Shown(name=one.name, ldr=np.ascontiguousarray(one.ldr, np.float32)) for one in found]


def procedural(size: int, *, virtual_camera: bool) -> Shown:
    """A scene that the platform draws, always the same."""
    from mqn.hdr.scenes import kind, scene

    make = photograph if virtual_camera else make_ldr
    ldr, _ = make(scene(size, SCENE), np.random.default_rng(SCENE))
    return Shown(name=f"procedural scene ({kind(SCENE)})", ldr=np.ascontiguousarray(ldr, np.float32))
