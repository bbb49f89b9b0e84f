"""A strip of pictures for people: input, prediction and truth side by side, tone-mapped alike."""

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

    At most `rows` pictures are shown. They are spread evenly, and are always the same. Smaller ones are padded.
    `predict` turns (H, W, 3) LDR in [0, 1] into linear light, 1.0 = the truth's 99.9 % point.
    """
    from mqn.hdr.io.files import write_png
    from mqn.hdr.tonemap import mulaw

    strips = []
    for index in shown_rows(len(pictures), rows):
        picture = pictures[index]
        linear = (np.clip(predict(picture.ldr), 0, 1), np.clip(picture.truth, 0, 1))
        strips.append(np.concatenate([picture.ldr, *(mulaw(image) for image in linear)], axis=1))
    width = max(strip.shape[1] for strip in strips)
    strips = [np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0))) for strip in strips]
    write_png(path, np.concatenate(strips, axis=0).astype(np.float32))


def shown_rows(count: int, rows: int = ROWS) -> list[int]:
    """Which of so many pictures a strip of at most `rows` rows shows: spread evenly."""
    return [int(index) for index in np.linspace(0, count - 1, min(rows, count)).round()]
