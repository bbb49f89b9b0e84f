"""The code that a bundle's README gives, run as its reader runs it: in a process that knows nothing of this project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from mqn.hdr.io.files import read

INPUT, OUTPUT = "input.png", "output.pfm"
_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
_SECONDS = 120


def code_of(readme: str) -> str:
    """The one block of Python in a README."""
    (code,) = _BLOCK.findall(readme)
    return code


def run_outside(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a folder with the installed libraries, and without this project.

    Without `site` no .pth file leads to a clone that is installed for editing; libraries are still found by the path.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONPATH"] = str(Path(np.__file__).parents[1])
    words = [sys.executable, "-S", "-P", "-c", code]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS)


def check_outside(folder: Path) -> None:
    """Make sure that such a process cannot import this project; what lies beside libraries as its data is no code."""
    done = run_outside("import mqn.errors", folder)
    assert "No module named 'mqn" in done.stderr, done.stderr or "mqn can be imported there"


def run_readme(readme: str, folder: Path, picture: np.ndarray) -> np.ndarray:
    """Do what a README says with a picture.

    Args:
        readme: the text.
        folder: with the model's files.
        picture: (H, W, 3) uint8.

    Returns:
        (S, S, 3) float32, linear light.
    """
    Image.fromarray(picture).save(folder / INPUT)
    (folder / OUTPUT).unlink(missing_ok=True)
    done = run_outside(code_of(readme), folder)
    assert done.returncode == 0, done.stderr[-600:]
    return read(folder / OUTPUT)
