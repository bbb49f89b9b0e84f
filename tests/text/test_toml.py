from __future__ import annotations

import tomllib

import pytest

from mqn.text.toml import document_text, table_lines, value_text


@pytest.mark.parametrize(
    "value", ['a"b\\c\nd', "日本", 1, 1.5, -2e-7, True, [1, 2], ["a", ""], {"a.b": [1.5], "c": {"d": False}}]
)
def test_a_value_is_read_back(value):
    assert tomllib.loads(f"x = {value_text(value)}")["x"] == value


def test_a_table_is_read_back_with_dotted_keys_as_they_are():
    text = "\n".join(table_lines("[fixed]", {"arch.width": 0.5, "plain": "x"}))
    assert tomllib.loads(text) == {"fixed": {"arch.width": 0.5, "plain": "x"}}


def test_a_document_is_read_back():
    document = {
        "name": "two words",
        "none": None,
        "plain": [1, 0.5, True, "\u00e9\n"],
        "fixed": {"arch.width": 0.35, "plan.rules": ""},
        "dimensions": {"plan.head": {"choices": ["a", "b"], "when": {"arch.x": [1]}}},
        "points": [{"plan.cut": "head"}, {"plan.cut": "decoder"}],
    }
    kept = {key: value for key, value in document.items() if value is not None}
    assert tomllib.loads(document_text(document)) == kept
