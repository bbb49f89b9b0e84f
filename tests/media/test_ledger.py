"""What is noted is found again; a torn line, and other work, are not."""

from __future__ import annotations

from pathlib import Path

from mqn.media.ledger import Ledger


def test_entries_are_found_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.jsonl", {"input": "a"})
    ledger.add({"file": "1"})
    ledger.add({"file": "2"})
    assert Ledger(tmp_path / "l.jsonl", {"input": "a"}).entries == [{"file": "1"}, {"file": "2"}]


def test_a_line_that_a_kill_tore_is_forgotten_and_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    Ledger(path, {}).add({"file": "1"})
    path.write_text(path.read_text() + '{"file": "2')
    again = Ledger(path, {})
    assert again.entries == [{"file": "1"}]
    again.add({"file": "3"})
    assert Ledger(path, {}).entries == [{"file": "1"}, {"file": "3"}]


def test_other_work_begins_anew(tmp_path: Path) -> None:
    Ledger(tmp_path / "l.jsonl", {"input": "a"}).add({"file": "1"})
    other = Ledger(tmp_path / "l.jsonl", {"input": "b"})
    assert (other.entries, other.former) == ([], [{"file": "1"}])
    assert Ledger(tmp_path / "l.jsonl", {"input": "a"}).entries == []


def test_keep_forgets_the_rest(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.jsonl", {})
    for name in "123":
        ledger.add({"file": name})
    ledger.keep(1)
    assert Ledger(tmp_path / "l.jsonl", {}).entries == [{"file": "1"}]


def test_lines_that_others_wrote_end_what_is_taken_up(tmp_path: Path) -> None:
    Ledger(tmp_path / "l.jsonl", {}).add({"file": "1"})
    with (tmp_path / "l.jsonl").open("a") as stream:
        stream.write("[" * 100_000 + "\n")
    assert Ledger(tmp_path / "l.jsonl", {}).entries == [{"file": "1"}]
