"""What is told of picture files: clauses that fit one line, and many files with the same in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_NAMED = 3


def plain(text: str) -> str:
    """A name out of a file as it can be printed.

    Args:
        text: of a layer, a profile or a channel; whoever wrote the file chose it.

    Returns:
        One line without control characters, of at most 80 characters.
    """
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(line.split())[:80]


def grouped(notes: Mapping[str, Iterable[str]]) -> list[str]:
    """Notes of many files, each clause once.

    Args:
        notes: clauses by file.

    Returns:
        Lines such as "a.exr, b.exr, c.exr and 9 more: its colours are ...", in the order of their first files.
    """
    files: dict[str, list[str]] = {}
    for file, clauses in notes.items():
        for clause in clauses:
            files.setdefault(clause, []).append(file)
    return [f"{_listed(names)}: {clause}" for clause, names in files.items()]


def _listed(names: list[str]) -> str:
    if len(names) <= _NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
