"""Files of JSON lines: one object a line, appended. A kill costs at most the line that was being written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def json_line(entry: Mapping[str, Any]) -> str:
    """One line, its end included, of plain values."""
    return json.dumps(entry, separators=(",", ":"), allow_nan=False) + "\n"


def append_line(path: Path, entry: Mapping[str, Any], *, sync: bool = False) -> None:
    """Append a line in one write, so that several processes may share a file; `sync` waits for the disk.

    Raises:
        OSError: it cannot be written, for example because the disk is full; earlier lines stay.
    """
    with path.open("ab") as stream:
        stream.write(json_line(entry).encode())
        stream.flush()
        if sync:
            os.fsync(stream.fileno())


def end_torn_line(path: Path) -> None:
    """End the last line if a kill left half of it. Else the next line that is appended would become part of it.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("a+b", buffering=0) as stream:
        size = stream.seek(0, os.SEEK_END)
        if size and os.pread(stream.fileno(), 1, size - 1) != b"\n":
            stream.write(b"\n")


def read_lines(path: Path, *, past_damage: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file's whole lines, in order.

    The first line that holds no object ends this; with `past_damage`, such lines are left out instead.

    Raises:
        OSError: the file cannot be read. A file that is not there has no lines.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.split("\n")[:-1]:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if isinstance(entry, dict):
            yield entry
        elif not past_damage:
            return
