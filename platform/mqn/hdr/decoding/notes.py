"""What is told of picture files: clauses that fit one line, and many files with the same in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_NAMED = 3


def plain(text: str) -> str:
    """Make a name out of a file printable: one line of at most 80 characters, without control characters.

    Whoever wrote the file chose the name, so that it may hold anything.
    """
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(line.split())[:80]


def grouped(notes: Mapping[str, Iterable[str]]) -> list[str]:
    """Notes of many files, each clause once: "a.exr, b.exr, c.exr and 9 more: its colours are ..."."""
    files: dict[str, list[str]] = {}
    for file, clauses in notes.items():
        for clause in clauses:
            files.setdefault(clause, []).append(file)
    return [f"{_listed(names)}: {clause}" for clause, names in files.items()]


def _listed(names: list[str]) -> str:
    if len(names) <= _NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
