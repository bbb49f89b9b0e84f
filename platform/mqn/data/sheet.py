"""Contact sheets as JPEG or PNG files: sections of tiles, a tile being pictures side by side over a caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mqn.hdr.files import write_png
from mqn.hdr.replacement import replacing

TILE = 192
CAPTION = 18
ACROSS = 6
"""Pictures in a row of the sheet: 2 tiles of 3 pictures, or 3 of 2."""

_GAP = 6
_JPEG_QUALITY = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """Pictures that belong together.

    Attributes:
        caption: what they are.
        images: (TILE, TILE, 3) float32 each, display-referred, in [0, 1].
    """

    caption: str
    images: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Tiles under one title, each of as many pictures."""

    title: str
    tiles: tuple[Tile, ...]


def write(path: Path, sections: Sequence[Section], _: object) -> None:
    """Draw a sheet.

    Args:
        path: a .jpg, .jpeg or .png file in an existing folder. PNG keeps every bit, and takes some ten times the room.
        sections: from top to bottom.

    Raises:
        PictureError: it cannot be written.
    """
    drawn = np.concatenate([_section(section) for section in sections])
    if path.suffix.lower() == ".png":
        write_png(path, drawn)
        return
    with replacing(path) as temporary:
        temporary.write_bytes(encode_jpeg(drawn))


def encode_jpeg(image: np.ndarray) -> bytes:
    """A picture as a JPEG file, good enough to look at.

    Args:
        image: (H, W, 3), display-referred, in [0, 1].
    """
    codes = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)[..., ::-1]
    _, content = cv2.imencode(".jpg", codes, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return content.tobytes()


def _section(section: Section) -> np.ndarray:
    rows = [_caption(section.title, ACROSS * TILE + _GAP, brightness=1.0)]
    columns = ACROSS // len(section.tiles[0].images) if section.tiles else 1
    for begin in range(0, len(section.tiles), columns):
        row = np.concatenate([_tile(tile) for tile in section.tiles[begin : begin + columns]], axis=1)
        missing = ACROSS * TILE + _GAP - row.shape[1]
        rows.append(np.pad(row[:, : ACROSS * TILE + _GAP], ((0, 0), (0, max(missing, 0)), (0, 0))))
    return np.concatenate(rows)


def _tile(tile: Tile) -> np.ndarray:
    pictures = np.concatenate(tile.images, axis=1)
    drawn = np.concatenate([pictures, _caption(tile.caption, pictures.shape[1], brightness=0.7)])
    # A narrow border tells one tile from the next.
    drawn[:, -_GAP:] = 0
    return drawn


def _caption(text: str, width: int, *, brightness: float) -> np.ndarray:
    # OpenCV's built-in fonts know ASCII only, and draw on 8 bits.
    printable = text.encode("ascii", "replace").decode()
    strip = np.zeros((CAPTION, width, 3), np.uint8)
    color = (round(255 * brightness),) * 3
    drawn = cv2.putText(strip, printable, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.38, color, 1, cv2.LINE_AA)
    return np.asarray(drawn, np.float32) / np.float32(255)
