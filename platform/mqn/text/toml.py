"""TOML as this program writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def document_text(document: Mapping[str, Any]) -> str:
    """Write plain tables such that reading gives them back; a None is left out, for TOML has none."""
    tables = {key: value for key, value in document.items() if _tables_in(value)}
    lines = [f"{_key(key)} = {value_text(item)}" for key, item in _told(document) if key not in tables]
    for key, value in tables.items():
        if isinstance(value, list):
            for one in value:
                lines += table_lines(f"[[{_key(key)}]]", one)
        elif value and all(isinstance(item, Mapping) for item in value.values()):
            for name, one in value.items():
                lines += table_lines(f"[{_key(key)}.{_key(name)}]", one)
        else:
            lines += table_lines(f"[{_key(key)}]", value)
    return "\n".join(lines) + "\n"


def table_lines(head: str, values: Mapping[str, Any]) -> Iterable[str]:
    """A table: an empty line, its head such as `[fixed]`, and a line a value."""
    return ("", head, *(f"{_key(key)} = {value_text(value)}" for key, value in _told(values)))


def value_text(value: Any) -> str:
    """A value as TOML writes it: strings, numbers and lists as JSON does, and tables within a line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {value_text(item)}" for key, item in _told(value)) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(value_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    return key if key.isidentifier() and key.isascii() else value_text(key)


def _told(values: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((key, value) for key, value in values.items() if value is not None)


def _tables_in(value: Any) -> bool:
    """Whether a value is written as a table, or as several."""
    several = isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
    return isinstance(value, Mapping) or several
