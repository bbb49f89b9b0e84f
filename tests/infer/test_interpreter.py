from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mqn.errors import ModelFileError
from mqn.infer.interpreter import open_interpreter

OPEN = "import sys; from pathlib import Path; from mqn.infer.interpreter import open_interpreter as o; "


def test_the_runtime_announces_nothing_and_stderr_stays_open(toy_file: Path) -> None:
    code = f"{OPEN} o(Path({str(toy_file)!r})); print('heard', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "heard\n"


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "half.tflite").write_bytes(b"TFL3")
    with pytest.raises(ModelFileError, match=r"half\.tflite is truncated or damaged"):
        open_interpreter(tmp_path / "half.tflite")
    with pytest.raises(ModelFileError, match="no model file"):
        open_interpreter(tmp_path / "absent.tflite")
