"""What ARCHITECTURE.md, CONTRIBUTING.md and the READMEs of rooms name is there; every room and file is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "platform" / "mqn"
MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
DOCUMENTS = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
PLACE = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|toml|md|txt))`")
MADE = {
    *("manifest.json", "checkpoint.pt", "model.tflite", "stage.py", "debug/", "space.toml", "family.py", "arch.py"),
    "latency_ms/board",
}
"""What a user or a command makes, and what every family has under this name."""


def rooms() -> dict[str, int]:
    """Every folder of code below the package, and how many files of code it holds."""
    folders = [path.parent for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE]
    return {folder.relative_to(PACKAGE).as_posix(): len(list(folder.glob("*.py"))) - 1 for folder in sorted(folders)}


def exists(place: str) -> bool:
    return any((folder / place).exists() for folder in (PACKAGE, ROOT))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_names_is_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    assert [place for place in PLACE.findall(text) if place not in MADE and not exists(place)] == []
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_functions_beside_files_are_in_them() -> None:
    text = "".join((ROOT / document).read_text(encoding="utf-8") for document in DOCUMENTS)
    named = re.findall(r"`([\w/]+\.py)`\s+\(`(\w+)`\)", text)
    assert len(named) >= 8
    lacking = [
        (file, name)
        for file, name in named
        for path in (PACKAGE / file,)
        if not re.search(rf"\b(?:def|class) {name}\b|^{name}\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert lacking == []


def test_every_room_is_on_the_map() -> None:
    named = {place.rstrip("/") for place in re.findall(r"^\| (.+?) \|", MAP, re.MULTILINE) for place in place.split()}
    places = {place.strip("`/") for place in named}
    assert sorted(room for room in rooms() if room not in places) == []
    ground = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert sorted(ground - places) == []


@pytest.mark.parametrize("room", [room for room, files in rooms().items() if files > 10])
def test_a_large_room_has_a_readme_that_names_its_files(room: str) -> None:
    text = (PACKAGE / room / "README.md").read_text(encoding="utf-8")
    files = [path for path in (PACKAGE / room).glob("*.py") if path.name != "__init__.py"]
    assert sorted(path.name for path in files if f"`{path.name}`" not in text) == []


@pytest.mark.parametrize("readme", sorted(PACKAGE.rglob("README.md")), ids=lambda p: p.parent.name)
def test_what_a_readme_of_a_room_names_is_there(readme: Path) -> None:
    here = readme.parent
    named = re.findall(r"`((?:[\w-]+/)*[\w-]+\.py)`", readme.read_text(encoding="utf-8"))
    places = (here, PACKAGE, PACKAGE.parent, ROOT)
    lost = [name for name in named if not any((place / name).exists() for place in places)]
    below = {path.name for path in here.rglob("*.py")}
    assert [name for name in lost if name not in below] == []
