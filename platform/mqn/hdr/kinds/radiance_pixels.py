"""The lines of a Radiance picture: four bytes a pixel, plain, with the older run lengths or with the newer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mqn.errors import PictureError

# Lines shorter or longer than these are never in the newer code.
_SHORTEST, _LONGEST = 8, 32767


class _CutShortError(Exception):
    """The bytes end; `pixels` of what was to be read are there."""

    def __init__(self, pixels: int = 0) -> None:
        super().__init__()
        self.pixels = pixels


class _TooLongError(Exception):
    """A run goes beyond what was to be read."""


def read_pixels(path: Path, data: bytes, start: int, length: int, lines: int) -> np.ndarray:
    """Undo the run lengths.

    Returns:
        (lines, length, 4) uint8: red, green and blue mantissas, and their exponent.

    Raises:
        PictureError: damaged, or cut short: says after how many lines.
    """
    row = 0
    try:
        if not _SHORTEST <= length <= _LONGEST:
            return _older(data, start, length * lines)[0].reshape(lines, length, 4)
        found = np.empty((lines, length, 4), np.uint8)
        at, planes = start, bytearray(4 * length)
        plain: tuple[int, int] | None = None
        for row in range(lines):
            mark = data[at : at + 4]
            if len(mark) == 4 and mark[0] == mark[1] == 2 and mark[2] < 128:
                if int.from_bytes(mark[2:], "big") != length:
                    raise _TooLongError
                at = _newer(data, at + 4, length, planes)
                found[row] = np.frombuffer(planes, np.uint8).reshape(4, length).T
                plain = None
                continue
            plain = plain or (row, at)
            try:
                found[row], at = _older(data, at, length)
            except _TooLongError:
                # Some writers let a run go on in the next line.
                row, at = plain
                found[row:] = _older(data, at, length * (lines - row))[0].reshape(-1, length, 4)
                break
    except _CutShortError as cut:
        whole = row + cut.pixels // length
        raise PictureError(f"{path}: cut short, {whole} of its {lines} lines are whole") from cut
    except _TooLongError as damage:
        raise PictureError(f"{path}: damaged, line {row + 1} of {lines} has another length than the rest") from damage
    return found


def _newer(data: bytes, at: int, length: int, planes: bytearray) -> int:
    """Fill `planes` with the four channels of one line, each `length` bytes; returns where the next line begins."""
    place, size = 0, len(data)
    for end in range(length, 4 * length + 1, length):
        while place < end:
            if at + 1 >= size:
                raise _CutShortError
            count = data[at]
            if count > 128:
                count -= 128
                stored = data[at + 1 : at + 2] * count
                at += 2
            else:
                stored = data[at + 1 : at + 1 + count]
                at += 1 + count
            if count == 0 or place + count > end:
                raise _TooLongError
            if at > size:
                raise _CutShortError
            planes[place : place + count] = stored
            place += count
    return at


def _older(data: bytes, at: int, count: int) -> tuple[np.ndarray, int]:
    """(count, 4) pixels from plain ones among which (1, 1, 1, n) repeats the last, and where the next begin.

    Of several such marks in a row the second counts 256s, the third 65536s.
    """
    there = max(min(count, (len(data) - at) // 4), 0)
    records = np.frombuffer(data, np.uint8, count=4 * there, offset=at if there else 0).reshape(-1, 4)
    marks = (records[:, :3] == 1).all(axis=1)
    if not marks.any():
        if there < count:
            raise _CutShortError(there)
        return records, at + 4 * count
    index = np.arange(there)
    pixel = np.maximum.accumulate(np.where(marks, -1, index))
    nth = np.clip(index - pixel - 1, 0, 4)
    # Records behind the last of these pixels may be anything; they are not to overflow.
    repeats = np.where(marks, records[:, 3].astype(np.int64) << (8 * np.minimum(nth, 3)), 1)
    ends = np.cumsum(repeats)
    last = int(np.searchsorted(ends, count))
    if last == there:
        raise _CutShortError(int(ends[-1]))
    if pixel[0] < 0 or nth[: last + 1].max() > 3 or ends[last] > count:
        raise _TooLongError
    return np.repeat(records[pixel[: last + 1]], repeats[: last + 1], axis=0), at + 4 * (last + 1)
