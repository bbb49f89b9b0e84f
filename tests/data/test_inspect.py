"""A dataset in figures and as a contact sheet."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mqn.data.dataset import Dataset
from mqn.data.inspect import CAPTION, COLUMNS, TILE, inspect
from mqn.data.prepare import prepare
from mqn.hdr.files import read_ldr
from mqn.parsing import to_plain


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
    # Two rows of tiles for 5 training pictures, one for 2; a line of heading over each split.
    sheet = read_ldr(tmp_path / "sheet.png")
    assert sheet.shape == (3 * (TILE + CAPTION) + 2 * CAPTION, 2 * TILE * COLUMNS, 3)
    assert sheet.max() > 0.9
