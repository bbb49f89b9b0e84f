"""`mqn bundle verify|diff`: lines, documents, exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mqn.cli.app import run
from mqn.report.bundle.bundle import write_bundle


@pytest.fixture
def bundle(stored: Callable[..., tuple], tmp_path: Path) -> Path:
    record, store = stored()
    return write_bundle(record, store, tmp_path / "bundle")


def test_a_whole_bundle_is_told_line_by_line(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bundle", "verify", str(bundle)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert lines[-1] == f"{bundle} is whole"
    assert any(line.startswith("ok     output    the same as where it was written, bit by bit") for line in lines)
    assert run(["bundle", "verify", str(bundle), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["passed"]
    assert {check["name"]: check["state"] for check in document["checks"]}["app"] == "ok"


def test_a_damaged_one_fails(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bundle / "scores.json").write_text("{}")
    assert run(["bundle", "verify", str(bundle)]) == 1
    out = capsys.readouterr().out
    assert "FAILED files     changed: scores.json" in out
    assert out.endswith(f"{bundle} FAILED\n")
    assert run(["bundle", "verify", str(bundle), "--json"]) == 1
    assert not json.loads(capsys.readouterr().out)["passed"]


def test_what_is_no_bundle_is_one_line_of_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["verify", str(tmp_path)], ["diff", str(tmp_path), str(tmp_path)]):
        assert run(["bundle", *words]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(captured.err.splitlines()) == 1
        assert "so it is no bundle" in captured.err


def test_differences_are_tables_and_a_document(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bundle", "diff", str(bundle), str(bundle)]) == 0
    out = capsys.readouterr().out
    assert "the same candidate" in out
    assert "the same output on the first bundle's picture, bit by bit" in out
    assert "cannot be told" in out
    assert run(["bundle", "diff", str(bundle), str(bundle), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)["differences"]
    assert document["outputs"]["same"]
    assert document["candidate"] == []
