"""`mqn compare`: what is refused before any work."""

from __future__ import annotations

import pytest
from tests.cli.test_app import fails


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to compare; name networks, or give --all"),
        (["expandet"], "expandnet"),
        (["mqn@int3"], "scheme"),
        (["mqn", "--size", "0"], "--size"),
        (["mqn", "--output", __file__], "cannot make"),
    ],
)
def test_what_cannot_be_compared(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    code, line = fails(capsys, "compare", *words)
    assert code == 2
    assert message in line
