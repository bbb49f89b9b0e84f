"""The record of finished work, one JSON line each: an interrupted conversion goes on where it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mqn.files.json_lines import append_line, json_line, read_lines
from mqn.files.publishing import writing
from mqn.parsing import to_plain


def work_of(path: Path) -> dict[str, Any] | None:
    """Read from a ledger's first line which work it is of. None where there is no ledger, or it is damaged."""
    return next(read_lines(path), None)


class Ledger:
    """A file of JSON lines: the first says what the work is, each further one names something finished.

    Attributes:
        entries: what was finished before and since, in order.
        former: what stands in a ledger of other work that this one takes the place of.
    """

    def __init__(self, path: Path, work: dict[str, Any]) -> None:
        """Open or begin one; a ledger of other `work`, hashes and options that decide results, is begun anew."""
        self._path, self._work = path, to_plain(work)
        lines = list(read_lines(path))
        is_same = lines[:1] == [self._work]
        self.entries: list[dict[str, Any]] = lines[1:] if is_same else []
        self.former: list[dict[str, Any]] = [] if is_same else lines[1:]
        # Written anew: a line that a kill left half would swallow the next one.
        self.keep(len(self.entries))

    def keep(self, count: int) -> None:
        """Forget all entries but the first `count`: what they name is gone."""
        del self.entries[count:]
        with writing(self._path) as temporary:
            temporary.write_text("".join(map(json_line, [self._work, *self.entries])), encoding="utf-8")

    def add(self, entry: dict[str, Any]) -> None:
        """Note something finished; it is on the disk when this returns."""
        plain = to_plain(entry)
        append_line(self._path, plain, sync=True)
        self.entries.append(plain)
