from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.errors import PictureError
from mqn.features.pictures import from_file, procedural
from mqn.hdr.io.files import write_png


def test_a_files_centre_square(tmp_path: Path) -> None:
    picture = np.zeros((8, 16, 3), np.float32)
    picture[:, 4:12] = 1.0
    picture[:4, 4:8] = 0.4
    write_png(tmp_path / "wide.png", picture)
    shown = from_file(tmp_path / "wide.png", 2)
    assert shown.name == "wide.png"
    np.testing.assert_allclose(shown.ldr[..., 0], [[0.4, 1], [1, 1]], atol=1e-6)
    assert from_file(tmp_path / "wide.png", 32).ldr.shape == (32, 32, 3)


def test_a_file_that_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("nothing")
    with pytest.raises(PictureError, match=r"text\.png"):
        from_file(tmp_path / "text.png", 32)


@pytest.mark.parametrize("virtual_camera", [False, True])
def test_the_scene_is_always_the_same(virtual_camera: bool) -> None:
    one, again = (procedural(32, virtual_camera=virtual_camera) for _ in range(2))
    np.testing.assert_array_equal(one.ldr, again.ldr)
    assert one.name == "procedural scene (room)"
    assert one.ldr.dtype == np.float32
    assert 0 <= one.ldr.min() < one.ldr.max() <= 1
