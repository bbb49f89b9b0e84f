"""Files of the package are short and its folders small."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath

from tests.structure.files import SOURCE, relative_paths

MOST_LINES = 300
MOST_FILES = 15


def test_files_are_short() -> None:
    lines = {path: len(file.read_bytes().splitlines()) for path, file in relative_paths(SOURCE).items()}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_folders_are_small() -> None:
    sizes = Counter(PurePosixPath(path).parent.as_posix() for path in relative_paths(SOURCE))
    assert {folder: count for folder, count in sizes.items() if count > MOST_FILES} == {}
