from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from mqn.device.agent.trust.audit import Audit


def test_lines_are_added_and_empty_facts_left_out(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    Audit(path).write("request", client="a\nb", status=200, error="")
    Audit(path).write("request", client="c")
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert {key: first[key] for key in ("event", "client", "status")} == {
        "event": "request",
        "client": "a\nb",
        "status": 200,
    }
    assert "error" not in first
    assert second["client"] == "c"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_file_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl", max_bytes=1, kept=2)
    for number in range(4):
        audit.write("request", number=number)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.jsonl.1", "audit.jsonl.2"]
    assert json.loads((tmp_path / "audit.jsonl.1").read_text())["number"] == 3


def test_what_a_full_disk_does_not_take_is_counted_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit, write = Audit(tmp_path / "audit.jsonl"), os.write
    audit.write("first")
    monkeypatch.setattr(os, "write", lambda handle, line: write(handle, line[:5]))
    audit.write("half")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    audit.write("none")
    assert audit.lost == 2
    assert json.loads((tmp_path / "audit.jsonl").read_text())["event"] == "first"


def test_an_agent_without_a_log(tmp_path: Path) -> None:
    Audit(None).write("request")
    assert list(tmp_path.iterdir()) == []
