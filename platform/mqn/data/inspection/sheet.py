"""Contact sheets as JPEG or PNG files: groups of tiles, a tile is a row of pictures over a caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mqn.files.publishing import replacing
from mqn.hdr.beside import WORDS
from mqn.hdr.io.files import write_png
from mqn.look.encoding import encode

TILE = 192
CAPTION = 18
ACROSS = 6
"""Pictures in a row of the sheet: 2 tiles of 3 pictures, or 3 of 2."""

NOTE = f"Truths: {WORDS}."
"""How truths are tone-mapped; stands above the pictures."""

_GAP = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """Pictures that belong together, (TILE, TILE, 3) float32 each, display-referred, in [0, 1], and their caption."""

    caption: str
    images: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Tiles under one title, all of equally many pictures."""

    title: str
    tiles: tuple[Tile, ...]


def write(path: Path, groups: Sequence[Group], _: object) -> None:
    """Draw a sheet of the groups from top to bottom, into an existing folder.

    The suffix chooses JPEG or PNG; a PNG is about ten times larger. Raises `PictureError` if that fails.
    """
    note = _caption(NOTE, ACROSS * TILE + _GAP, brightness=0.7)
    drawn = np.concatenate([note, *(_group(group) for group in groups)])
    if path.suffix.lower() == ".png":
        write_png(path, drawn)
        return
    with replacing(path) as temporary:
        temporary.write_bytes(encode(drawn))


def _group(group: Group) -> np.ndarray:
    rows = [_caption(group.title, ACROSS * TILE + _GAP, brightness=1.0)]
    columns = ACROSS // len(group.tiles[0].images) if group.tiles else 1
    for begin in range(0, len(group.tiles), columns):
        row = np.concatenate([_tile(tile) for tile in group.tiles[begin : begin + columns]], axis=1)
        missing = ACROSS * TILE + _GAP - row.shape[1]
        rows.append(np.pad(row[:, : ACROSS * TILE + _GAP], ((0, 0), (0, max(missing, 0)), (0, 0))))
    return np.concatenate(rows)


def _tile(tile: Tile) -> np.ndarray:
    pictures = np.concatenate(tile.images, axis=1)
    drawn = np.concatenate([pictures, _caption(tile.caption, pictures.shape[1], brightness=0.7)])
    # A narrow border separates the tiles.
    drawn[:, -_GAP:] = 0
    return drawn


def _caption(text: str, width: int, *, brightness: float) -> np.ndarray:
    # OpenCV's built-in fonts know ASCII only, and draw on 8 bits.
    printable = text.encode("ascii", "replace").decode()
    strip = np.zeros((CAPTION, width, 3), np.uint8)
    color = (round(255 * brightness),) * 3
    drawn = cv2.putText(strip, printable, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.38, color, 1, cv2.LINE_AA)
    return np.asarray(drawn, np.float32) / np.float32(255)
