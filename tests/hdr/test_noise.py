from __future__ import annotations

import os
import sys

import pytest

from mqn.hdr.noise import captured_noise


def test_both_streams_are_caught_and_given_back(capfd: pytest.CaptureFixture[str]) -> None:
    with captured_noise() as noise:
        os.write(2, b"\n a library complains\n")
        sys.stdout.write("and another one prints")
    os.write(2, b"after")
    assert noise.first_line == "a library complains"
    assert "and another one prints" in noise.text
    assert capfd.readouterr() == ("", "after")


def test_an_error_inside_gives_the_streams_back(capfd: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    with pytest.raises(KeyError), captured_noise():
        raise KeyError
    os.write(2, b"after")
    assert sys.stdout is before
    assert capfd.readouterr().err == "after"


def test_silence_has_no_first_line() -> None:
    with captured_noise() as noise:
        pass
    assert noise.first_line == ""
