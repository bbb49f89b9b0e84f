from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from mqn.cli import output
from mqn.cli.app import run

URL = "postgresql://me:m4rked@db/x"


def test_no_way_of_printing_lets_a_password_through(capsys):
    output.line(URL)
    output.note(URL)
    output.error(URL)
    output.document({"at": URL, "token": "m4rked", URL: 1})
    output.table(["at"], [[f"{'x' * 150} {URL}"]], title=URL)
    with output.redacted():
        sys.stdout.write(URL)
        sys.stderr.writelines([URL, "\n"])
    try:
        raise ValueError(URL)
    except ValueError as error:
        output.crash(type(error), error, error.__traceback__)
    shown = capsys.readouterr()
    assert "m4rked" not in shown.out + shown.err
    assert shown.out.count("me:***@db") >= 4
    assert "ValueError: postgresql://me:***@db/x" in shown.err


def test_a_document_stays_json(capsys):
    output.document({"password": 'a"b', "path": "a\\b", "at": [URL]})
    assert json.loads(capsys.readouterr().out) == {
        "password": "***",
        "path": "a\\b",
        "at": ["postgresql://me:***@db/x"],
    }


@pytest.mark.parametrize("words", [["status"], ["status", "--traceback"], ["ui"], ["track", "resend"]])
def test_a_database_that_cannot_be_used_is_named_without_its_password(words, tmp_path: Path, capsys):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql://me:m4rked%40x@127.0.0.1:{free.getsockname()[1]}"
    profile = tmp_path / "p.toml"
    profile.write_text(f"[storage]\nstudy = '{url}/x'\n[tracking]\nuri = '{url}/y'\n")
    code = run([*words, "--profile", str(profile)])
    shown = capsys.readouterr()
    assert code in (0, 1)
    assert "m4rked" not in shown.out + shown.err


@pytest.mark.slow
def test_pages_are_refused_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    profile = tmp_path / "p.toml"
    profile.write_text('[tracking]\nuri = ""\n')
    assert run(["ui", "--profile", str(profile)]) == 2
    assert "logs nowhere" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run(["ui", "--port", str(port)]) == 1
    assert f"mqn: cannot listen on 127.0.0.1:{port}: Address already in use; choose another" in capsys.readouterr().err
