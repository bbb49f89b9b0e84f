"""TOML and JSON to frozen dataclasses and back. Values are checked once, here.

An unknown key names its source, its key path and the nearest valid key; a value of the wrong type says what is
allowed. Only what the project's records need is supported: scalars, `Literal`, optionals, tuples, lists, string-keyed
mappings and nested dataclasses.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import types
import typing
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from mqn.errors import ConfigError, LocalNameError, nearest
from mqn.files.local_names import require_local
from mqn.files.publishing import writing
from mqn.plain_values import loads_json, loads_toml, shown
from mqn.text.redaction import shortened

T = TypeVar("T")

_LARGEST_TOML_BYTES = 1 << 20
_LARGEST_INTEGER = 2**63 - 1
_SHOWN = 80
_SCALARS = frozenset((str, int, float, bool, types.NoneType))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        path: the file; at most 1 MiB.

    Raises:
        ConfigError: the file is missing, too large, or is not TOML.
    """
    try:
        if path.stat().st_size > _LARGEST_TOML_BYTES:
            raise ConfigError(f"{path}: has more than {_LARGEST_TOML_BYTES >> 20} MiB; that is no configuration")
        return loads_toml(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error


def from_mapping(cls: type[T], mapping: Any, *, source: str, path: str = "") -> T:
    """Build a dataclass from a mapping of plain values.

    Args:
        cls: a dataclass; its fields' types say what is allowed. Where it has a class method `variant_of`, that says
            which class the mapping is one of.
        mapping: what TOML or JSON gave.
        source: the file or command that the values come from, for error messages.
        path: the key path of `mapping` within the source.

    Raises:
        ConfigError: an unknown or missing key, or a value of the wrong type; names source, key path, what is allowed.
    """
    if not isinstance(mapping, Mapping):
        raise ConfigError(f"{source}: {path or 'the whole'} must be a table, not {shown(mapping)}")
    if (variant_of := getattr(cls, "variant_of", None)) is not None:
        cls = variant_of(mapping, source=source, path=path)
    hints, fields = _hints(cast("Hashable", cls)), _fields(cast("Hashable", cls))
    for key in mapping:
        if key not in fields:
            name = shortened(str(key), _SHOWN)
            raise ConfigError(f"{source}: unknown key {_join(path, name)!r}; {nearest(name, fields)}")
    values = {}
    for name, field in fields.items():
        if name in mapping:
            hint, value = hints[name], mapping[name]
            if not _is_exactly(hint, value):  # What is right already, as most is, needs no path for a message.
                value = convert(hint, value, source=source, path=_join(path, name))
            values[name] = value
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{source}: {_join(path, name)!r} is missing")
    try:
        return cls(**values)
    except ValueError as error:
        raise ConfigError(f"{source}: {path + ': ' if path else ''}{error}") from error


def convert(hint: Any, value: Any, *, source: str, path: str) -> Any:
    """Check one value against a type and convert it where JSON has no such type.

    Args:
        hint: the type.
        value: the plain value.
        source: where it comes from, for error messages.
        path: its key path.

    Returns:
        The value, as `hint` wants it.

    Raises:
        ConfigError: the value is not of that type.
    """
    origin, arguments = _parts(hint)
    if hint is Any:
        return value
    if origin is typing.Literal:
        if value in arguments and any(type(value) is type(allowed) for allowed in arguments):
            return value
        meant = nearest(value[:_SHOWN] if isinstance(value, str) else "", map(str, arguments))
        raise ConfigError(f"{source}: {path} = {shown(value)}; {meant}")
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, source=source, path=path)
    if dataclasses.is_dataclass(hint):
        return from_mapping(cast("type", hint), value, source=source, path=path)
    if origin in (tuple, list):
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{source}: {path} must be a list, not {shown(value)}")
        items = (convert(arguments[0], item, source=source, path=f"{path}[{i}]") for i, item in enumerate(value))
        return origin(items)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{source}: {path} must be a table, not {shown(value)}")
        kind = arguments[1]
        return {
            key: item if _is_exactly(kind, item) else convert(kind, item, source=source, path=_join(path, key))
            for key, item in value.items()
        }
    return _convert_scalar(hint, value, source=source, path=path)


def _convert_union(arguments: tuple[Any, ...], value: Any, *, source: str, path: str) -> Any:
    if value is None and types.NoneType in arguments:
        return None
    last: ConfigError | None = None
    for argument in arguments:
        if argument is types.NoneType:
            continue
        try:
            return convert(argument, value, source=source, path=path)
        except ConfigError as error:
            last = error
    assert last is not None
    raise last


def _convert_scalar(hint: Any, value: Any, *, source: str, path: str) -> Any:
    if isinstance(value, str) and "\0" in value:
        raise ConfigError(f"{source}: {path} = {shown(value)} holds a NUL character, which no text or path may")
    if isinstance(value, int) and not -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER:
        raise ConfigError(f"{source}: {path} must be {_describe(hint)} of at most 64 bits, not {shown(value)}")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{source}: {path} must be a finite number, not {value}")
    if hint is Path and isinstance(value, str):
        try:
            require_local(value, f"{path} = ")
        except LocalNameError as error:
            raise ConfigError(f"{source}: {error}") from error
        return Path(value)
    if isinstance(value, hint) and not (isinstance(value, bool) and hint in (int, float)):
        return value
    raise ConfigError(f"{source}: {path} must be {_describe(hint)}, not {shown(value)}")


def to_plain(value: Any) -> Any:
    """Turn records into what JSON can hold: dataclasses to dicts, tuples to lists, paths to strings.

    Returns:
        Dicts, lists, strings, numbers, booleans and None only.
    """
    if type(value) in _SCALARS:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: to_plain(getattr(value, name)) for name in _fields(type(value))}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


def flatten(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, with dotted keys: `{"plan": {"cut": "x"}}` becomes `{"plan.cut": "x"}`."""
    flat: dict[str, Any] = {}
    for key, value in mapping.items():
        name = _join(prefix, key)
        if isinstance(value, Mapping):
            flat.update(flatten(value, name))
        else:
            flat[name] = value
    return flat


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flatten`."""
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, leaf = key.split(".")
        table = nested
        for parent in parents:
            table = table.setdefault(parent, {})
        table[leaf] = value
    return nested


def content_hash(value: Any) -> str:
    """SHA-256 (64 hexadecimal digits) of a record or plain value, the same whatever the order of its keys."""
    text = json.dumps(to_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 (64 hexadecimal digits) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write a record as JSON, so that a reader sees the old file or the new one whole, never a half.

    Raises:
        DiskError: the disk is full or read-only.
    """
    with writing(path) as temporary:
        temporary.write_text(json_text(value), encoding="utf-8")


def json_text(value: Any) -> str:
    """A record as `write_json` writes it."""
    return json.dumps(to_plain(value), indent=1, allow_nan=False) + "\n"


def read_json(cls: type[T], path: Path) -> T:
    """Read a record that `write_json` wrote.

    Raises:
        ConfigError: the file is missing, is not JSON, or is not such a record.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    return from_mapping(cls, loads_json(text, str(path)), source=str(path))


def _is_exactly(hint: Any, value: Any) -> bool:
    """Whether a value is of a scalar type and needs neither a conversion nor a closer look."""
    if type(value) is not hint:
        return False
    if hint is str:
        return "\0" not in value
    if hint is float:
        return math.isfinite(value)
    return hint is bool or (hint is int and -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER)


@functools.cache
def _fields(cls: Any) -> dict[str, dataclasses.Field[Any]]:
    return {field.name: field for field in dataclasses.fields(cls)}


@functools.cache
def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    return typing.get_origin(hint), typing.get_args(hint)


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _describe(hint: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "a string", bool: "true or false", Path: "a path"}
    return names.get(hint, str(hint))
