from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from mqn import parsing
from mqn.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int = 1
    ratio: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    kind: Literal["a", "b"] = "a"
    inner: Inner = field(default_factory=Inner)
    several: tuple[int, ...] = ()
    maybe: float | None = None
    by_name: dict[str, Inner] = field(default_factory=dict)


def read(mapping: object) -> Outer:
    return parsing.from_mapping(Outer, mapping, source="x.toml")


def test_reads_nested_tables_and_fills_defaults() -> None:
    outer = read({"name": "n", "inner": {"size": 3}, "several": [1, 2], "maybe": 2, "by_name": {"one": {"ratio": 1}}})
    assert outer == Outer(name="n", inner=Inner(size=3), several=(1, 2), maybe=2.0, by_name={"one": Inner(ratio=1.0)})


def test_record_survives_json_both_ways() -> None:
    outer = Outer(name="n", several=(4,), maybe=1.5, by_name={"k": Inner(size=9)})
    assert read(json.loads(json.dumps(parsing.to_plain(outer)))) == outer


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"name": "n", "inner": {"sise": 3}}, ["x.toml", "'inner.sise'", "did you mean 'size'"]),
        ({"name": "n", "kind": "c"}, ["kind = 'c'", "allowed: a, b"]),
        ({"name": "n", "inner": {"size": "3"}}, ["inner.size", "a whole number", "'3'"]),
        ({"name": "n", "inner": {"size": True}}, ["inner.size", "True"]),
        ({"name": "n", "inner": 3}, ["inner must be a table"]),
        ({"name": "n", "several": 3}, ["several must be a list"]),
        ({"name": "n", "several": [1, "b"]}, ["several[1]"]),
        ({"name": "n", "by_name": {"k": {"siz": 1}}}, ["'by_name.k.siz'"]),
        ({}, ["'name' is missing"]),
        ([], ["must be a table"]),
    ],
)
def test_wrong_input_is_named_in_one_line(mapping: object, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        read(mapping)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_flatten_and_unflatten_are_inverse() -> None:
    nested = {"a": {"b": 1, "c": {"d": [2]}}, "e": 3}
    assert parsing.flatten(nested) == {"a.b": 1, "a.c.d": [2], "e": 3}
    assert parsing.unflatten(parsing.flatten(nested)) == nested


def test_content_hash_ignores_the_order_of_keys_and_sees_values() -> None:
    assert parsing.content_hash({"a": 1, "b": 2}) == parsing.content_hash({"b": 2, "a": 1})
    assert parsing.content_hash({"a": 1}) != parsing.content_hash({"a": 2})


def test_content_hash_refuses_what_is_not_a_number() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        parsing.content_hash({"a": float("nan")})


def test_file_hash_is_sha256_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert parsing.file_hash(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_json_files_round_trip_and_name_their_damage(tmp_path: Path) -> None:
    path = tmp_path / "inner.json"
    parsing.write_json(path, Inner(size=7))
    assert parsing.read_json(Inner, path) == Inner(size=7)
    assert [file.name for file in tmp_path.iterdir()] == ["inner.json"]
    path.write_text(path.read_text()[:5])
    with pytest.raises(ConfigError, match=r"inner\.json: not valid JSON"):
        parsing.read_json(Inner, path)
    with pytest.raises(ConfigError, match="cannot read"):
        parsing.read_json(Inner, tmp_path / "absent.json")


def test_toml_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("a = = 3")
    with pytest.raises(ConfigError, match=r"bad\.toml: not valid TOML"):
        parsing.read_toml(path)
    with pytest.raises(ConfigError, match="cannot read"):
        parsing.read_toml(tmp_path / "absent.toml")
