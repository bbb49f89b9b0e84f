"""No code of the package is written twice: like pylint's duplicate-code, which takes 40 s."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from tests.structure.files import SOURCE, code_lines, relative_paths

FEWEST_LINES = 8
"""So many equal lines behind one another are a duplicate. Blanks, comments, docstrings and imports do not count."""


def find_duplicates(root: Path, fewest: int) -> list[str]:
    """Places of equal code: `one.py:3 two.py:8`, once for each run of equal lines."""
    places: dict[tuple[str, ...], list[tuple[str, int, int]]] = defaultdict(list)
    for path, file in relative_paths(root).items():
        lines = code_lines(file.read_text())
        for index in range(len(lines) - fewest + 1):
            window = tuple(line for _, line in lines[index : index + fewest])
            places[window].append((path, index, lines[index][0]))
    repeated = [found for found in places.values() if len(found) > 1]
    continued = {tuple((path, index + 1) for path, index, _ in found) for found in repeated}
    starts = [found for found in repeated if tuple((path, index) for path, index, _ in found) not in continued]
    return [" ".join(f"{path}:{number}" for path, _, number in found) for found in starts]


def test_nothing_is_written_twice() -> None:
    assert find_duplicates(SOURCE, FEWEST_LINES) == []


def test_a_duplicate_is_found_whatever_stands_between(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text('"""One."""\nimport os\na = 1\nb = 2\n# c\nc = 3\n')
    (tmp_path / "two.py").write_text('"""Two."""\n\n\na = 1\n\nb = 2\nc = 3\nd = 4\n')
    assert find_duplicates(tmp_path, 3) == ["one.py:3 two.py:4"]
    assert find_duplicates(tmp_path, 2) == ["one.py:3 two.py:4"]
    assert find_duplicates(tmp_path, 4) == []
