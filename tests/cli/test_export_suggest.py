"""`mqn export --suggest`: what is refused before any work."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.test_app import fails


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--output is missing; name a folder for space.toml"),
        (["--output", "o", "--set", "plan.head=float32"], "--set plan.head: with --suggest only plan.cut, plan.layout"),
        (["--output", "o", "--set", "arch.width=1"], "--set arch.width: with --suggest only plan.cut"),
    ],
)
def test_what_a_suggestion_cannot_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(b"nothing")
    code, line = fails(capsys, "export", str(checkpoint), "--suggest", *words)
    assert code == 2
    assert message in line
