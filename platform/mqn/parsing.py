"""From TOML and JSON to frozen dataclasses and back, checked once, at the edge.

An unknown key names its source, its key path and the nearest valid key; a value of the wrong type says what is
allowed. Only what the project's records need is supported: scalars, `Literal`, optionals, tuples, lists, string-keyed
mappings and nested dataclasses.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import tomllib
import types
import typing
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from mqn.errors import ConfigError, nearest
from mqn.publishing import writing

T = TypeVar("T")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        path: the file.

    Returns:
        Its tables.

    Raises:
        ConfigError: the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def from_mapping(cls: type[T], mapping: Any, *, source: str, path: str = "") -> T:
    """Build a dataclass from a mapping of plain values.

    Args:
        cls: a dataclass; its fields' types say what is allowed.
        mapping: what TOML or JSON gave.
        source: the file or command that the values come from, for error messages.
        path: the key path of `mapping` within the source.

    Returns:
        An instance of `cls`.

    Raises:
        ConfigError: an unknown or missing key, or a value of the wrong type; names source, key path, what is allowed.
    """
    if not isinstance(mapping, Mapping):
        raise ConfigError(f"{source}: {path or 'the whole'} must be a table, not {mapping!r}")
    hints = _hints(cast("Hashable", cls))
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in mapping:
        if key not in fields:
            raise ConfigError(f"{source}: unknown key {_join(path, str(key))!r}; {nearest(str(key), fields)}")
    values = {}
    for name, field in fields.items():
        if name in mapping:
            values[name] = convert(hints[name], mapping[name], source=source, path=_join(path, name))
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
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is typing.Literal:
        if value in arguments and any(type(value) is type(allowed) for allowed in arguments):
            return value
        raise ConfigError(f"{source}: {path} = {value!r}; {nearest(str(value), map(str, arguments))}")
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, source=source, path=path)
    if dataclasses.is_dataclass(hint):
        return from_mapping(cast("type", hint), value, source=source, path=path)
    if origin in (tuple, list):
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{source}: {path} must be a list, not {value!r}")
        items = (convert(arguments[0], item, source=source, path=f"{path}[{i}]") for i, item in enumerate(value))
        return origin(items)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{source}: {path} must be a table, not {value!r}")
        return {key: convert(arguments[1], item, source=source, path=_join(path, key)) for key, item in value.items()}
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
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if isinstance(value, hint) and not (isinstance(value, bool) and hint in (int, float)):
        return value
    raise ConfigError(f"{source}: {path} must be {_describe(hint)}, not {value!r}")


def to_plain(value: Any) -> Any:
    """Turn records into what JSON can hold: dataclasses to dicts, tuples to lists, paths to strings.

    Args:
        value: a record, or anything inside one.

    Returns:
        Dicts, lists, strings, numbers, booleans and None only.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


def flatten(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, with dotted keys: `{"arch": {"width": 0.35}}` becomes `{"arch.width": 0.35}`."""
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
    text = json.dumps(to_plain(value), indent=1, allow_nan=False) + "\n"
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(cls: type[T], path: Path) -> T:
    """Read a record that `write_json` wrote.

    Raises:
        ConfigError: the file is missing, is not JSON, or is not such a record.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not valid JSON: {error}") from error
    return from_mapping(cls, plain, source=str(path))


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _describe(hint: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "a string", bool: "true or false", Path: "a path"}
    return names.get(hint, str(hint))
