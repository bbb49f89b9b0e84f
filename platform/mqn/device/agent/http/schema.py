"""From frozen dataclasses to JSON Schema: what OpenAPI 3.1 says of a record."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from typing import Any

from mqn.parsing import to_plain

REFERENCE = "#/components/schemas/"
_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}


def describe_records(
    roots: tuple[type, ...], bounds: dict[tuple[str, str], dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Schemas of dataclasses and of whatever they hold, by class name.

    `bounds` adds, by class and field, what the types do not say, such as a pattern or a maximum.
    """
    found: dict[str, Any] = {}
    for root in roots:
        _add(root, found, bounds or {})
    return found


def refer(cls: type) -> dict[str, Any]:
    """A reference to a record's schema."""
    return {"$ref": REFERENCE + cls.__name__}


def _add(cls: type, found: dict[str, Any], bounds: dict[tuple[str, str], dict[str, Any]]) -> None:
    if cls.__name__ in found:
        return
    properties: dict[str, Any] = {}
    required: list[str] = []
    found[cls.__name__] = {
        "type": "object",
        "description": (inspect.getdoc(cls) or cls.__name__).split("\n", 1)[0],
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        schema = {**_describe(hints[field.name], found, bounds), **bounds.get((cls.__name__, field.name), {})}
        if field.default is not dataclasses.MISSING:
            schema["default"] = to_plain(field.default)
        elif field.default_factory is dataclasses.MISSING:
            required.append(field.name)
        properties[field.name] = schema


def _describe(hint: Any, found: dict[str, Any], bounds: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_describe(argument, found, bounds) for argument in arguments]}
    if origin is tuple:
        return {"type": "array", "items": _describe(arguments[0], found, bounds)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _describe(arguments[1], found, bounds)}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        _add(hint, found, bounds)
        return refer(hint)
    return {"type": _SCALARS[hint]}
