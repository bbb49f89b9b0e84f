"""Finds out which JPEG process a file uses: two of about twenty are read."""

from __future__ import annotations

from pathlib import Path

from mqn.errors import PictureError

_BASELINE_OR_PROGRESSIVE = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
_LOSSLESS = (0xC3, 0xCB)
_HIERARCHICAL = (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)
_FRAMES = (*_BASELINE_OR_PROGRESSIVE, *_LOSSLESS, *_HIERARCHICAL)
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD9))
_SCAN, _END = 0xDA, 0xD9


def require_baseline(path: Path, data: bytes) -> None:
    """Refuse a JPEG file of a process that is not read, by its name: it is not damaged.

    Raises:
        PictureError: it has more or fewer than 8 bits a channel, or is lossless or hierarchical.
    """
    frame = _first_frame(data)
    if frame is None:
        return
    process, bits = frame
    what = "lossless" if process in _LOSSLESS else "hierarchical" if process in _HIERARCHICAL else ""
    if what or bits != 8:
        raise PictureError(
            f"{path}: is a {what or f'{bits}-bit'} JPEG, which is not supported; convert it to a PNG or TIFF of 16 bits"
        )


def _first_frame(data: bytes) -> tuple[int, int] | None:
    """Process and bits of the first frame header (ITU-T T.81, B.2.2); None where there is none."""
    at = 2
    while at + 4 < len(data):
        marker = data[at + 1]
        if data[at] != 0xFF or marker == 0xFF:
            # Fill bytes may stand before a marker; what else stands here is damage, for the decoder to tell.
            at += 1
            continue
        if marker in (_SCAN, _END):
            return None
        if marker in _FRAMES:
            return marker, data[at + 4]
        at += 2 if marker in _WITHOUT_LENGTH else 2 + max(int.from_bytes(data[at + 2 : at + 4], "big"), 2)
    return None
