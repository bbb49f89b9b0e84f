from __future__ import annotations

import tomllib

import pytest

from mqn.text.toml import table_lines, value_text


@pytest.mark.parametrize(
    "value", ['a"b\\c\nd', "日本", 1, 1.5, -2e-7, True, [1, 2], ["a", ""], {"a.b": [1.5], "c": {"d": False}}]
)
def test_a_value_is_read_back(value):
    assert tomllib.loads(f"x = {value_text(value)}")["x"] == value


def test_a_table_is_read_back_with_dotted_keys_as_they_are():
    text = "\n".join(table_lines("[fixed]", {"arch.width": 0.5, "plain": "x"}))
    assert tomllib.loads(text) == {"fixed": {"arch.width": 0.5, "plain": "x"}}
