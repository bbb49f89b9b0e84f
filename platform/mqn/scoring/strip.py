"""A strip of pictures for people: input, prediction and truth side by side, as bright as the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mqn.data.pairs.evaluation import EvaluationPicture

ROWS = 4


def write_strip(
    path: Path,
    predict: Callable[[np.ndarray], np.ndarray],
    pictures: Sequence[EvaluationPicture],
    *,
    rows: int = ROWS,
) -> None:
    """Write a PNG with one row for each shown picture: LDR input, prediction, truth.

    At most `rows` pictures are shown. They are spread evenly, and are always the same. Smaller ones are padded. Linear
    pictures are shown as `mqn.hdr.beside` says: all three can be compared in brightness.
    `predict` turns (H, W, 3) LDR in [0, 1] into linear light, 1.0 = the truth's 99.9 % point.
    """
    from mqn.hdr.beside import exposure_beside, shown_beside
    from mqn.hdr.io.files import write_png

    strips = []
    for index in shown_rows(len(pictures), rows):
        picture = pictures[index]
        exposure = exposure_beside(picture.ldr, picture.truth)
        linear = (shown_beside(light, exposure) for light in (predict(picture.ldr), picture.truth))
        strips.append(np.concatenate([picture.ldr, *linear], axis=1))
    width = max(strip.shape[1] for strip in strips)
    strips = [np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0))) for strip in strips]
    write_png(path, np.concatenate(strips, axis=0).astype(np.float32))


def shown_rows(count: int, rows: int = ROWS) -> list[int]:
    """Which of so many pictures a strip of at most `rows` rows shows: spread evenly."""
    return [int(index) for index in np.linspace(0, count - 1, min(rows, count)).round()]
