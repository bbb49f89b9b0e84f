"""What is finished, one JSON line each, so that an interrupted conversion goes on where it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mqn.parsing import to_plain
from mqn.publishing import writing


def work_of(path: Path) -> dict[str, Any] | None:
    """What the work of a ledger is.

    Args:
        path: the file.

    Returns:
        The first line's values; None where there is no ledger, or it is damaged.
    """
    lines = _whole_lines(path)
    return dict(json.loads(lines[0])) if lines else None


class Ledger:
    """A file of JSON lines: the first says what the work is, each further one names something finished.

    Attributes:
        entries: what was finished before and since, in order.
        former: what stands in a ledger of other work that this one takes the place of.
    """

    def __init__(self, path: Path, work: dict[str, Any]) -> None:
        """Open or begin one.

        Args:
            path: the file; its folder exists.
            work: what decides the results (hashes, options): a ledger of other work is begun anew.
        """
        self._path = path
        self.entries: list[dict[str, Any]]
        self.former: list[dict[str, Any]]
        head = json.dumps(to_plain(work), sort_keys=True)
        whole = _whole_lines(path)
        entries = [json.loads(line) for line in whole[1:]]
        is_same = bool(whole) and whole[0] == head
        self.entries, self.former = (entries, []) if is_same else ([], entries)
        self._head = head
        # Written anew: a line that a kill left half would swallow the next one.
        self.keep(len(self.entries))

    def keep(self, count: int) -> None:
        """Forget all entries but the first `count`: what they name is gone."""
        del self.entries[count:]
        lines = [self._head, *(json.dumps(entry, allow_nan=False) for entry in self.entries)]
        with writing(self._path) as temporary:
            temporary.write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    def add(self, entry: dict[str, Any]) -> None:
        """Note something finished; it is on the disk when this returns.

        Args:
            entry: plain values or records.
        """
        plain = to_plain(entry)
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(plain, allow_nan=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self.entries.append(plain)


def _whole_lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    lines = text.split("\n")[:-1]
    for index, line in enumerate(lines):
        try:
            is_entry = isinstance(json.loads(line), dict)
        except (ValueError, RecursionError):
            is_entry = False
        if not is_entry:
            return lines[:index]
    return lines
