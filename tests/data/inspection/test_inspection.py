"""A dataset in figures and as a contact sheet."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mqn.data.dataset import Dataset
from mqn.data.inspection.inspection import inspect
from mqn.data.inspection.sheet import ACROSS, CAPTION, TILE
from mqn.data.preparation.prepare import prepare
from mqn.errors import PictureError
from mqn.hdr.io.files import read_ldr, write_png
from mqn.parsing import to_plain


@pytest.mark.slow
def test_a_dataset_is_summed_up_and_drawn(photos: Callable[..., Path], tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr", "ü.exr", "d.exr", "e.exr", "f.exr", "g.exr")
    (folder / "z.exr").write_bytes(b"")
    prepare(folder, tmp_path / "out", val_fraction=0.3)

    summary = inspect(Dataset.open(tmp_path / "out"), tmp_path / "sheet.png")

    assert {name: (split.pictures, split.sources) for name, split in summary.splits.items()} == {
        "train": (5, 5),
        "val": (2, 2),
    }
    low, middle, high = summary.splits["train"].dynamic_range_log10
    assert 0 < low <= middle <= high
    assert sum(summary.splits["val"].operators.values()) == 2
    assert list(summary.skipped) == ["z.exr"]
    assert summary.damaged == ()
    assert json.dumps(to_plain(summary))
    # Three rows of two tiles for 5 training pictures, one for 2; a line of heading over each split, a note over all.
    sheet = read_ldr(tmp_path / "sheet.png")
    assert sheet.shape[0] == 4 * (TILE + CAPTION) + 3 * CAPTION
    assert abs(sheet.shape[1] - ACROSS * TILE) < TILE / 4
    assert sheet.max() > 0.9
    inspect(Dataset.open(tmp_path / "out"), tmp_path / "sheet.jpg")
    assert np.abs(read_ldr(tmp_path / "sheet.jpg") - sheet).mean() < 0.03
    assert (tmp_path / "sheet.jpg").stat().st_size < (tmp_path / "sheet.png").stat().st_size / 2


def test_a_page_holds_figures_pictures_and_what_was_left_out(photos: Callable[..., Path], tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr")
    (folder / "<b>.exr").write_bytes(b"")
    write_png(folder / "a__over.png", np.random.default_rng(0).random((40, 56, 3)))
    (folder / "manifest.csv").write_text("file,source,split,ldr\na.exr,a,val,a__over.png\n")
    prepare(folder, tmp_path / "out")

    summary = inspect(Dataset.open(tmp_path / "out"), tmp_path / "sheet.html")

    assert summary.splits["val"].camera_inputs == {"over": 1}
    assert sum(summary.splits["train"].dynamic_range_counts.values()) == 1
    page = (tmp_path / "sheet.html").read_text()
    # Three pictures a tile of the two splits, two of the camera input.
    assert page.count("data:image/jpeg;base64,") == 3 + 3 + 2
    assert "a__over.png (camera:over)" in page
    assert page.count("exposed as the LDR picture") == 1
    assert "&lt;b&gt;.exr" in page
    assert "<b>" not in page
    assert "http" not in page


@pytest.mark.parametrize(
    ("name", "said"), [("sheet.pdf", ".jpg, .jpeg, .png, .html"), ("nowhere/sheet.html", "cannot write")]
)
def test_a_sheet_that_cannot_be_written_is_named(
    name: str, said: str, photos: Callable[..., Path], tmp_path: Path
) -> None:
    prepare(photos("a.exr", "b.exr"), tmp_path / "out")

    with pytest.raises(PictureError, match=said):
        inspect(Dataset.open(tmp_path / "out"), tmp_path / name)
