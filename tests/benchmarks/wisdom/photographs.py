"""The photographs of the recorded tables: one picture of every second source, brought down to a small size."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from mqn.data.dataset import Dataset
from mqn.data.preparation.prepare import prepare
from mqn.data.storage.catalogue import SPLITS

SIDE = 96
"""Of the prepared pictures' shorter side, in pixels; networks see squares of 64."""


def prepare_photographs(photos: Path, output: Path) -> Dataset:
    """Prepare the first picture of every second source of each split, unless that is done already.

    Args:
        photos: a folder of HDR pictures with a `manifest.csv` that has the columns `file`, `source` and `split`.
        output: the folder of the prepared dataset.
    """
    if not output.exists():
        with (photos / "manifest.csv").open(encoding="utf-8", newline="") as stream:
            rows = sorted(csv.DictReader(stream), key=lambda row: row["file"], reverse=True)
        chosen = [row for split in SPLITS for row in _every_second([row for row in rows if row["split"] == split])]
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            for row in chosen:
                link = folder / row["file"]
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to((photos / row["file"]).resolve())
            with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, ["file", "source", "split"], extrasaction="ignore")
                writer.writeheader()
                writer.writerows(chosen)
            prepare(folder, output, side=SIDE, workers=1)
    return Dataset.open(output)


def _every_second(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Of rows from the last file to the first: the first one of every second source."""
    by_source = {row["source"]: row for row in rows}
    return [by_source[source] for source in sorted(by_source)[::2]]
