"""No file of the package imports itself by way of others, wherever the imports stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.structure.files import SOURCE, module_name, relative_paths

Edges = dict[str, set[str]]


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(module, name) of every import: in functions and under TYPE_CHECKING too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def find_edges(root: Path) -> Edges:
    """Every file of a package to the files of it that it imports."""
    files = {module_name(file, root): file for file in relative_paths(root).values()}
    edges: Edges = {}
    for importer, file in files.items():
        imports = _imports(ast.parse(file.read_bytes()))
        targets = {f"{module}.{name}" if f"{module}.{name}" in files else module for module, name in imports}
        edges[importer] = targets & files.keys() - {importer}
    return edges


def _reach(start: str, edges: Edges) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = edges[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def find_circles(edges: Edges) -> list[list[str]]:
    """Groups of files that reach each other."""
    reached = {start: _reach(start, edges) for start in edges}
    in_circles = [start for start in edges if start in reached[start]]
    groups = {tuple(sorted(other for other in reached[start] if start in reached[other])) for start in in_circles}
    return sorted([*group] for group in groups)


def test_no_circles() -> None:
    assert find_circles(find_edges(SOURCE)) == []


def test_a_circle_is_found_wherever_its_imports_stand(tmp_path: Path) -> None:
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "one.py").write_text("from house import two\n")
    (package / "two.py").write_text("def later():\n    from house.three import thing\n")
    (package / "three.py").write_text("thing = 1\n")
    assert find_circles(find_edges(package)) == []
    (package / "three.py").write_text("if TYPE_CHECKING:\n    import house.one\nthing = 1\n")
    assert find_circles(find_edges(package)) == [["house.one", "house.three", "house.two"]]
