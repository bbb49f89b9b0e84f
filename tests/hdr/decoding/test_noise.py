from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mqn.hdr.decoding.noise import captured_noise


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


def test_a_service_without_standard_error_still_gets_its_reason(tmp_path: Path) -> None:
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    program = """
import os, sys
os.close(2)
from mqn.errors import PictureError
from mqn.hdr.io.files import read_ldr
try:
    read_ldr("cut.png")
except PictureError as error:
    os.write(1, str(error).encode())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, check=True)
    assert done.stdout.startswith(b"cut.png: damaged or cut short")
