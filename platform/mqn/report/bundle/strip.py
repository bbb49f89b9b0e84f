"""A bundle's picture strip: input, float network, these files and truth beside each other, shown alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mqn.data.pairs.evaluation import EvaluationPicture
from mqn.hdr.beside import WORDS, exposure_beside, shown_beside
from mqn.infer.picture import Expander
from mqn.look.palette import INK, MUTED
from mqn.look.sheet import Sheet
from mqn.records import Codec

STRIP = "pictures.png"
ROWS = 4
_CELL, _GAP, _MARGIN, _TITLE, _NAME = 2.3, 0.08, 0.16, 0.52, 0.22
_NOTE_TEXT = f"{WORDS}; the truth's 99.9 % point is white."


def write_strip(
    path: Path, files: Sequence[Path], float_file: Path | None, codec: Codec, pictures: Sequence[EvaluationPicture]
) -> int:
    """Draw a row for each shown picture.

    Args:
        path: the .png file.
        files: the bundle's, in the order they run.
        float_file: the network before quantization; None: it is not there any more.
        codec: how both give light.
        pictures: at most `ROWS` of them are shown, spread evenly.

    Returns:
        How many rows there are.
    """
    shown = np.unique(np.linspace(0, len(pictures) - 1, min(ROWS, len(pictures))).round().astype(int))
    networks = {"float network": (float_file,)} if float_file else {}
    expanders = {name: Expander(given, codec) for name, given in {**networks, "these files": tuple(files)}.items()}
    columns = ("LDR input", *expanders, "truth")
    rows = [(pictures[int(index)].name, _row(pictures[int(index)], list(expanders.values()))) for index in shown]
    tall = [_CELL * images[0].shape[0] / images[0].shape[1] for _, images in rows]
    width = len(columns) * (_CELL + _GAP) - _GAP + 2 * _MARGIN
    sheet = Sheet(width, _TITLE + sum(tall) + len(rows) * _NAME + _MARGIN)
    places = [_MARGIN + column * (_CELL + _GAP) for column in range(len(columns))]
    sheet.write(_MARGIN, 0.08, _NOTE_TEXT, fontsize=7.5, color=MUTED)
    for left, column in zip(places, columns, strict=True):
        sheet.write(left, 0.3, column, fontsize=9.5, color=INK, fontweight="bold")
    down = _TITLE
    for (name, images), height in zip(rows, tall, strict=True):
        for left, image in zip(places, images, strict=True):
            sheet.show(left, down, _CELL, height, image)
        sheet.write(_MARGIN, down + height + 0.03, name, fontsize=7.5, color=MUTED)
        down += height + _NAME
    sheet.save(path)
    return len(rows)


def _row(picture: EvaluationPicture, expanders: Sequence[Expander]) -> list[np.ndarray]:
    exposure = exposure_beside(picture.ldr, picture.truth)
    lights = [*(expander.expand(picture.ldr) for expander in expanders), picture.truth]
    return [picture.ldr, *(shown_beside(light, exposure) for light in lights)]
