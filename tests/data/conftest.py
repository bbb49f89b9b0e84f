"""Folders of small HDR pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mqn.hdr.io.files import write


def picture(seed: int, height: int = 40, width: int = 56) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.exp(3 * generator.standard_normal((height, width, 3))).astype(np.float32)


@pytest.fixture
def photos(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of pictures: `photos("a.exr", "b/c.hdr")`."""

    def make(*names: str, folder: str = "photos") -> Path:
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        for seed, name in enumerate(names):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            write(root / name, picture(seed))
        return root

    return make
