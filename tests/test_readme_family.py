"""The README's network of a team's own is at most 60 lines, and does what the README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mqn.cli.app import run
from mqn.cli.system import doctor_family

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
NAME = "halfnet:FAMILY"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "Family(" in block]
    assert len(code.splitlines()) <= 60
    (tmp_path / "halfnet.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return code


def test_it_keeps_the_contract(
    module: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_family, "_export", lambda _: "tried elsewhere")
    assert run(["doctor", "--family", NAME]) == 0, capsys.readouterr().out
    assert f"{NAME}: HalfNet" in capsys.readouterr().out


def test_it_is_described_with_its_own_fields(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["describe", "--set", f"arch.family={NAME}", "--set", "arch.depth=4", "--cuts"]) == 0
    assert "body.3" not in capsys.readouterr().out  # its output is the default cut
    assert run(["describe", "--set", f"arch.family={NAME}", "--set", "arch.deep=4"]) == 2
    assert "unknown key 'arch.deep' of family 'halfnet:FAMILY'; did you mean 'depth'?" in capsys.readouterr().err


@pytest.mark.integration
def test_it_can_be_exported(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--family", NAME]) == 0
    assert "computes the same" in capsys.readouterr().out
