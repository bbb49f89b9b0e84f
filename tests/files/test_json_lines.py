"""Lines are appended and found again; a torn or foreign line is told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqn.files.json_lines import append_line, end_torn_line, read_lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two entries, a line of something else, an entry, and what a kill left of another."""
    path = tmp_path / "log.jsonl"
    for entry in ({"a": 1}, {}):
        append_line(path, entry, sync=True)
    path.write_text(path.read_text() + '[1]\n{"b": 2}\n{"c": ')
    return path


def test_reading_ends_at_damage_or_goes_past_it(log: Path) -> None:
    assert list(read_lines(log)) == [{"a": 1}, {}]
    assert list(read_lines(log, past_damage=True)) == [{"a": 1}, {}, {"b": 2}]


def test_a_torn_line_does_not_swallow_the_next(log: Path) -> None:
    end_torn_line(log)
    append_line(log, {"d": 4})
    assert list(read_lines(log, past_damage=True)) == [{"a": 1}, {}, {"b": 2}, {"d": 4}]
    before = log.read_bytes()
    end_torn_line(log)
    assert log.read_bytes() == before


def test_no_file_has_no_lines_and_is_made(tmp_path: Path) -> None:
    assert list(read_lines(tmp_path / "absent")) == []
    end_torn_line(tmp_path / "new")
    assert (tmp_path / "new").read_bytes() == b""
