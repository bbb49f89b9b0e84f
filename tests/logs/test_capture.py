from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mqn.logs import capture
from mqn.logs.capture import LARGEST_BYTES, capturing, cut_middle, read_log, say

# In a process of its own: pytest has put objects that know no descriptor in the place of sys.stdout.
_PROGRAM = """
import os, subprocess, sys
from pathlib import Path
from mqn.logs.capture import capturing, say
with capturing(Path(sys.argv[1]), "train"):
    print("from python")
    print("a warning", file=sys.stderr)
    os.write(2, b"from a library\\n")
    subprocess.run(["echo", "from a child"], check=True)
    print("joined postgresql://anna:hunter22@db/studies")
    say("epoch 1")
print("after")
"""


def test_the_log_holds_what_python_libraries_and_children_write(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    done = subprocess.run([sys.executable, "-c", _PROGRAM, path], check=True, capture_output=True, text=True)
    lines = path.read_text().splitlines()
    assert lines[0].endswith("  train")
    assert sorted(lines[1:5]) == ["a warning", "from a child", "from a library", "from python"]
    assert lines[5].startswith("joined postgresql://")
    assert "hunter22" not in lines[5]
    assert lines[6].endswith("  epoch 1")
    assert "  done after " in lines[7]
    assert (done.stdout, done.stderr) == ("after\n", "")


def test_a_second_try_comes_behind_the_first_and_a_traceback_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    with pytest.raises(ZeroDivisionError), capturing(path, "first"):
        _ = 1 / 0
    with capturing(path, "second"):
        pass
    text = path.read_text()
    assert text.index("  first\n") < text.index("ZeroDivisionError: division by zero") < text.index("  second\n")


def test_a_child_that_lives_on_cannot_change_the_log(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    with capturing(path, "train"):
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    before = path.read_bytes()
    child.communicate(b"late\n")
    assert path.read_bytes() == before


def test_the_middle_of_a_large_log_is_left_out() -> None:
    lines = [b"line %07d\n" % number for number in range(200_000)]
    kept = cut_middle(b"".join(lines))
    assert len(kept) <= LARGEST_BYTES + 100
    found = kept.splitlines(keepends=True)
    assert (found[0], found[-1]) == (lines[0], lines[-1])
    (words,) = (line for line in found if not line.startswith(b"line "))
    left_out = len(b"".join(lines)) - sum(len(line) for line in found if line.startswith(b"line "))
    assert words == b"... %d bytes in the middle are left out ...\n" % left_out
    assert cut_middle(b"short\n") == b"short\n"


def test_a_log_is_cut_while_it_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(capture, "_watcher", None)  # An earlier one may be in the middle of its pause.
    path = tmp_path / "log.txt"
    with capturing(path, "train"):
        os.write(1, b"x" * 79 + b"\n")
        os.write(1, (b"y" * 79 + b"\n") * (LARGEST_BYTES // 16))
        while path.stat().st_size > 2 * LARGEST_BYTES:
            time.sleep(0.005)
        os.write(1, b"the end\n")
    text = path.read_bytes()
    assert b"x" * 79 in text
    assert b"the end\n" in text
    assert b"bytes in the middle are left out" in text


def test_nothing_is_said_where_no_log_is_written(capfd: pytest.CaptureFixture) -> None:
    say("epoch 1")
    assert capfd.readouterr() == ("", "")


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    assert read_log(tmp_path / "log.txt") is None
