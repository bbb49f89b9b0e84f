"""A file that is written appears whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mqn.errors import PictureError
from mqn.files.publishing import replacing
from mqn.hdr.io.files import read, write, write_png


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("former")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "former"
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".txt")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("former")
    with pytest.raises(RuntimeError), replacing(target) as temporary:  # noqa: PT012
        temporary.write_text("part")
        raise RuntimeError
    assert target.read_text() == "former"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.exr").mkdir()
    with pytest.raises(PictureError, match=r"a\.exr: cannot be written: is a folder"):
        write(tmp_path / "a.exr", np.ones((8, 8, 3)))
    assert [path.name for path in tmp_path.iterdir()] == ["a.exr"]


_ON_A_FULL_DISK = """
import resource, signal, sys
import numpy as np
from pathlib import Path
from mqn.errors import PictureError
from mqn.hdr.io.files import write, write_png

# No file may grow beyond 4 KiB: writing fails in the middle, as on a full disk.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
image = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_png(path, image, bits=16) if path.suffix == ".png" else write(path, image)
except PictureError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".hdr", ".exr", ".pfm", ".tif", ".png"])
def test_a_full_disk_is_one_line_and_the_former_file_stays(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"a{suffix}"
    former = np.full((4, 4, 3), 0.5, np.float32)
    if suffix == ".png":
        write_png(target, former)
    else:
        write(target, former)
    before = target.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", _ON_A_FULL_DISK, str(target)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith(f"{target}: cannot be written")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("suffix", [".hdr", ".exr", ".pfm", ".tif"])
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 10_000, 3), (10_000, 1, 3)])
def test_long_and_small_pictures_go_out_and_in(tmp_path: Path, suffix: str, shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    write(tmp_path / f"a{suffix}", image)
    error = np.abs(read(tmp_path / f"a{suffix}") - image)
    assert (error <= (image.max(-1, keepdims=True) / 128 if suffix == ".hdr" else 0)).all()
