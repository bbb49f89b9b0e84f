"""The file of a study's space, made of the definition that the study keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mqn.text.toml import table_lines, value_text

_LISTS = ("objectives", "constraints", "points", "start")
"""Entries of a definition that are lists of tables."""


def space_text(definition: Mapping[str, Any], head: str) -> str:
    """A space's definition (`Space.definition`) as TOML.

    Args:
        definition: plain tables.
        head: a sentence for the comment at its top.
    """
    known = _without_none(definition)
    lines = [f"# {head}"]
    lines += [f"{key} = {value_text(value)}" for key, value in known.items() if not isinstance(value, (dict, list))]
    for key, value in known.items():
        if key in _LISTS:
            for row in value:
                lines += table_lines(f"[[{key}]]", row)
        elif key == "dimensions":
            for name, table in value.items():
                lines += table_lines(f"[dimensions.{value_text(name)}]", table)
        elif isinstance(value, dict):
            lines += table_lines(f"[{key}]", value)
    return "\n".join(lines) + "\n"


def _without_none(value: Any) -> Any:
    """TOML has no null: what is None is left out."""
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value
