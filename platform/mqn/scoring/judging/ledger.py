"""The ledger of judgements, so that nothing is judged twice and a kill loses only the judgements that were running.

A line is one method on one picture. It counts only for the same prediction (the method's fingerprint), the same picture
(the hash of its pixels) and the same version of the protocol. Each line is appended in one write: two commands may
share a ledger, and a half line that a kill leaves is ignored.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mqn.errors import ConfigError, DataError
from mqn.files.json_lines import append_line, end_torn_line, read_lines
from mqn.metrics.protocol import VERSION
from mqn.parsing import from_mapping, to_plain

LEDGER = "ledger.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The figures of one method on one picture.

    Attributes:
        fingerprint: hash of what decides the method's prediction.
        picture_hash: hash of the picture's pixels.
        version: version of the protocol.
        name: the picture's name.
        source: the scene or photograph that it was cut from.
        condition: what made its LDR input, for example `camera:over`.
        height, width: pixels.
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
        """The prediction and the picture that the figures belong to."""
        return self.fingerprint, self.picture_hash


def read_ledgers(paths: Iterable[Path]) -> dict[tuple[str, str], Line]:
    """Read all lines of this version from some ledgers; files that do not exist count as empty.

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
    """A ledger that can be appended to."""

    def __init__(self, path: Path) -> None:
        """Open or create a ledger, and end a line that was left half written.

        Raises:
            DataError: it cannot be written.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            end_torn_line(path)
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}; choose another --output") from error

    def append(self, line: Line) -> None:
        """Append a line. It stays, whatever happens to this process.

        Raises:
            DataError: it cannot be written, for example because the disk is full; earlier lines stay.
        """
        try:
            append_line(self.path, to_plain(line))
        except OSError as error:
            raise DataError(f"cannot write {self.path}: {error.strerror}; run the command again to go on") from error


def _lines(path: Path) -> Iterator[Line]:
    try:
        for entry in read_lines(path, past_damage=True):
            # A line of another form is judged again.
            with contextlib.suppress(ConfigError):
                yield from_mapping(Line, entry, source=str(path))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
