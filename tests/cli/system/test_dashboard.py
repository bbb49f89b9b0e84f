"""`mqn dashboard` before it serves: what it refuses, in a line."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from tests.support.watched_study import WatchedStudy

from mqn.cli.app import run
from mqn.profile import Profile


@pytest.fixture
def study(tmp_path: Path) -> WatchedStudy:
    (tmp_path / "home").mkdir()
    return WatchedStudy("grown", Profile().study_url)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(["dashboard", *words]) in (1, 2)
    lines = capsys.readouterr().err.strip().splitlines()
    return lines[-1]


def test_without_a_study_it_says_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "home").mkdir()
    assert refused(capsys) == "mqn: there is no study yet; start one with: mqn search smoke"


@pytest.mark.slow
def test_unknown_names_taken_ports_and_open_doors_are_refused_in_a_line(
    study: WatchedStudy, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MQN_DASHBOARD_TOKEN", raising=False)
    assert "no study 'grwn'; did you mean 'grown'" in refused(capsys, "grwn")
    assert "no dashboard 'defalt'; did you mean 'default'" in refused(capsys, "grown", "--board", "defalt")
    assert "0.0.0.0 can be reached from other machines" in refused(capsys, "grown", "--host", "0.0.0.0")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refused(capsys, "grown", "--port", port)
    assert line.startswith(f"mqn: cannot bind 127.0.0.1 port {port}: ")
    assert line.endswith("choose another --port, or 0 for a free one")
