"""TOML as this program writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def table_lines(head: str, values: Mapping[str, Any]) -> Iterable[str]:
    """A table: an empty line, its head such as `[fixed]`, and a line a value."""
    return ("", head, *(f"{_key(key)} = {value_text(value)}" for key, value in values.items()))


def value_text(value: Any) -> str:
    """A value as TOML writes it: strings, numbers and lists as JSON does, and tables within a line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {value_text(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(value_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    return key if key.isidentifier() else value_text(key)
