"""Absurd documents: one line, at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mqn.errors import ConfigError, UnknownNameError
from mqn.parsing import from_mapping, read_json, read_toml
from mqn.plain_values import DEEPEST, loads_json, loads_toml, shown
from mqn.text.redaction import redact


@dataclass(frozen=True, kw_only=True)
class Sample:
    count: int = 0
    share: float = 0.0
    name: str = ""
    place: Path = Path()
    anything: dict[str, Any] = field(default_factory=dict)


@pytest.mark.parametrize(
    "content",
    [
        b"a = " + b"[" * 100_000,
        b"a = " + b"{b = " * 5000,
        b".".join([b"a"] * 20_000) + b" = 1",
        b"a = " + b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
        b"a = " + b"9" * 5000,
        b"a = \x00",
        b"\xff\xfe",
        b"a" * (2 << 20),
        b"a = 1\na = 2",
    ],
)  # fmt: skip
def test_toml_that_is_none_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.toml").write_bytes(content)
    with pytest.raises(ConfigError) as told:
        read_toml(tmp_path / "a.toml")
    assert len(str(told.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000, "[" * 65 + "]" * 65, "9" * 5000, "", "{", "\x00"],
)
def test_json_that_is_none_is_one_line(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigError, match=r"not valid JSON|within each other"):
        loads_json(content, "a.json")
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ConfigError):
        read_json(Sample, tmp_path / "a.json")


def test_dots_in_strings_and_comments_are_no_keys(tmp_path: Path) -> None:
    dots = "a." * 100
    text = f'x = "{dots}"  # {dots}\ny = \'{dots}\'\nz = """\n{dots}\n"""\nw = [{", ".join(["1.5"] * 100)}]\n'
    (tmp_path / "a.toml").write_text(text)
    assert read_toml(tmp_path / "a.toml")["y"] == dots


def test_what_is_not_deep_is_read() -> None:
    assert loads_json("[" * 60 + "]" * 60, "a.json")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"count": 10**21}, "count must be a whole number of at most 64 bits"),
        ({"count": 10**5000}, "count must be a whole number of at most 64 bits, not a value of the type int"),
        ({"count": 1e9}, "count must be a whole number, not 1000000000.0"),
        ({"share": 10**400}, "share must be a number of at most 64 bits"),
        ({"share": float("nan")}, "share must be a finite number, not nan"),
        ({"share": float("-inf")}, "share must be a finite number, not -inf"),
        ({"name": "a\0b"}, "holds a NUL character"),
        ({"place": "a\0b"}, "holds a NUL character"),
        ({"place": "s3://bucket/a"}, "is a URL; only a path"),
        ({"place": "file:///a"}, "is a URL; only a path"),
        ({"name": ["x" * 1000] * 1000}, "name must be a string, not \\['xxx"),
        ({"k" * 1000: 1}, "unknown key"),
        ([1] * 100_000, "must be a table, not \\[1, 1"),
    ],
)
def test_absurd_values_are_one_short_line(values: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as told:
        from_mapping(Sample, values, source="a.toml")
    assert len(str(told.value)) < 700
    assert "\n" not in str(told.value)


def test_what_is_shown_is_one_line_whatever_it_is() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (Hostile(), deep, "a\nb" * 1000, 10**10_000, {"a": {"b": {"c": {"d": 1}}}}):
        assert len(shown(value)) < 300
        assert "\n" not in shown(value)
    while deep:  # Taken apart by hand: to free it at once would end the process.
        deep = deep[0]


def test_a_name_of_any_length_is_shown_short() -> None:
    assert len(str(UnknownNameError("metric", "x" * 100_000, ["psnr_tm"]))) < 200


@pytest.mark.parametrize("password", ["it's marked", 'with"marks', "marked" * 30])
def test_no_password_of_a_document_is_told(password: str) -> None:
    document = f"storage = {json.dumps(f'postgresql://u:{password}@host/db')}"
    value = loads_toml(document.encode(), "p.toml")["storage"]
    for told in (shown(value), shown([value]), shown({"a": value})):
        assert "mark" not in redact(told)
