"""Markdown with text from elsewhere: the text is escaped, so that it is shown as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mqn.text.terminal import printable

# An underscore inside a word is one everywhere.
_MEANING = re.compile(r"[\\`*\[\]|~#!$]|(?<![^\W_])_|_(?![^\W_])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "://": "&#58;//", "@": "&#64;", "www.": "www&#46;"}
"""What would be HTML, or an address that renderers make a link of."""


def escape(text: Any) -> str:
    """Escape text from a file, a model, a device or a user for a heading, a table's cell, or inside a paragraph."""
    shown = _MEANING.sub(lambda found: f"\\{found[0]}", " ".join(printable(str(text)).split()))
    for plain, entity in _ENTITIES.items():
        shown = shown.replace(plain, entity)
    return shown


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table; its cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
