"""Plain values from documents of unknown origin: limits on depth and size, and short texts for messages."""

from __future__ import annotations

import json
import re
import reprlib
import tomllib
from typing import Any

from mqn.errors import ConfigError
from mqn.text.redaction import hide_urls_in, redact

DEEPEST = 64
"""Tables and lists within each other. What walks through records calls itself once a level."""

_TEXTS = re.compile(
    rb'"""(?s:.)*?"""'  # several lines
    rb"|'''(?s:.)*?'''"
    rb'|"(?:\\.|[^"\\\n])*"'  # one line
    rb"|'[^'\n]*'"
    rb"|#[^\n]*"  # a comment
)
_BETWEEN_KEYS = re.compile(rb"[\n=\[\]{},]")
_SHOWN = 80


class _Repr(reprlib.Repr):
    """Shorten a text after its secrets are removed."""

    def repr_str(self, x: str, level: int) -> str:
        return super().repr_str(redact(x), level)


_REPR = _Repr()
_REPR.maxstring = _REPR.maxother = _SHOWN
_REPR.maxlevel = 3


def loads_toml(content: bytes, source: str) -> dict[str, Any]:
    """Parse TOML, UTF-8, with tables at most `DEEPEST` within each other. Errors name `source`.

    Raises:
        ConfigError: it is not TOML, or too deep.
    """
    # A key of thousands of parts takes tomllib minutes; without strings and comments every dot left is a key's.
    if any(part.count(b".") > DEEPEST for part in _BETWEEN_KEYS.split(_TEXTS.sub(b'"', content))):
        raise ConfigError(f"{source}: has a key of more than {DEEPEST} parts")
    try:
        tables = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits is no TOMLDecodeError, but a ValueError.
        raise ConfigError(f"{source}: not valid TOML: {_reason(error)}") from error
    _require_shallow(tables, source)
    hide_urls_in(tables)
    return tables


def loads_json(text: str | bytes, source: str) -> Any:
    """Parse JSON that may come from anywhere.

    Returns:
        Plain values, at most `DEEPEST` within each other.

    Raises:
        ConfigError: it is not JSON, or too deep.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{source}: not valid JSON: {_reason(error)}") from error
    _require_shallow(value, source)
    return value


def shown(value: Any) -> str:
    """A value for an error message: one short line."""
    try:
        text = _REPR.repr(value)
    except Exception:  # noqa: BLE001 - numbers of thousands of digits, objects of strangers: their repr may raise anything
        text = f"a value of the type {type(value).__name__}"
    return " ".join(text.split())


def _require_shallow(value: Any, source: str) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            item
            for table in level
            if isinstance(table, (dict, list))
            for item in (table.values() if isinstance(table, dict) else table)
        ]
        if not level:
            return
    raise ConfigError(f"{source}: has more than {DEEPEST} tables or lists within each other")


def _reason(error: Exception) -> str:
    return "too many tables or lists within each other" if isinstance(error, RecursionError) else str(error)
