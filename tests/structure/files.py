"""The package's files, as the checks of its structure read them."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.conftest import REPOSITORY

SOURCE = REPOSITORY / "platform" / "mqn"


def relative_paths(root: Path) -> dict[str, Path]:
    """Every Python file of a package, by its path in it."""
    return {file.relative_to(root).as_posix(): file for file in sorted(root.rglob("*.py"))}


def module_name(file: Path, root: Path) -> str:
    """The dotted name of a file of a package."""
    parts = file.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def code_lines(text: str) -> list[tuple[int, str]]:
    """(line number, stripped line) of a file's code: without blanks, comments, docstrings and imports."""
    ignored: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        string = (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        )
        if string or isinstance(node, ast.Import | ast.ImportFrom):
            ignored.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line and line[0] != "#" and number not in ignored]
