"""What has been judged already, line by line, so that nothing is judged twice and a kill costs no more than is in hand.

A line is one method on one picture. It counts only for the same prediction (the method's fingerprint), the same picture
(the hash of its pixels) and the same version of the protocol. Lines are written whole, one write each, behind what is
there: two commands may share a ledger, and the half line that a kill leaves is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mqn.errors import ConfigError, DataError
from mqn.metrics.protocol import VERSION
from mqn.parsing import from_mapping, to_plain

LEDGER = "ledger.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The figures of one method on one picture.

    Attributes:
        fingerprint: of the method's prediction.
        picture_hash: of the picture's pixels.
        version: of the protocol.
        name: the picture's.
        source: what it shows.
        condition: what made its LDR input, for example `camera:over`.
        height: pixels.
        width: pixels.
        figures: metric to value; None where the measure does not apply to the picture.
    """

    fingerprint: str
    picture_hash: str
    name: str
    source: str
    condition: str
    height: int
    width: int
    figures: dict[str, float | None] = field(default_factory=dict)
    version: int = VERSION

    @property
    def key(self) -> tuple[str, str]:
        """What the figures belong to."""
        return self.fingerprint, self.picture_hash


def read_ledgers(paths: Iterable[Path]) -> dict[tuple[str, str], Line]:
    """Everything that counts in some ledgers.

    Args:
        paths: files; those that do not exist hold nothing.

    Raises:
        DataError: one cannot be read.
    """
    known: dict[tuple[str, str], Line] = {}
    for path in paths:
        for line in _lines(path):
            if line.version == VERSION:
                before = known.get(line.key)
                if before is not None:
                    line.figures.update({k: v for k, v in before.figures.items() if k not in line.figures})
                known[line.key] = line
    return known


class Ledger:
    """A ledger to write to."""

    def __init__(self, path: Path) -> None:
        """Open a ledger, make it where it does not exist, and close a line that was left half written.

        Raises:
            DataError: it cannot be written.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            size = os.fstat(self._descriptor).st_size
            if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
                os.write(self._descriptor, b"\n")
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}; choose another --output") from error

    def append(self, line: Line) -> None:
        """Keep a line; it stays, whatever happens to this process.

        Raises:
            DataError: the disk is full, for example; what was written before stays.
        """
        text = json.dumps(to_plain(line), separators=(",", ":"), allow_nan=False)
        data = text.encode() + b"\n"
        try:
            written = os.write(self._descriptor, data)
            if written < len(data):
                # A disk that fills up takes a part and says nothing; it says why when it is given the rest.
                os.write(self._descriptor, data[written:])
        except OSError as error:
            raise DataError(f"cannot write {self.path}: {error.strerror}; run the command again to go on") from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _lines(path: Path) -> list[Line]:
    try:
        texts = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    lines = []
    for text in texts:
        try:
            lines.append(from_mapping(Line, json.loads(text), source=str(path)))
        except (ValueError, ConfigError):
            # Half a line, left by a kill: that picture is judged again.
            continue
    return lines
