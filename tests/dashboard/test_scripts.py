"""What stands in for Dash's polyfill has all that Dash's own scripts use of it."""

from __future__ import annotations

import re
from pathlib import Path

import dash
import dash_ag_grid
import pytest

from mqn.dashboard.scripts import START, hash_of

_PACKAGES = [Path(package.__file__ or "").parent for package in (dash, dash_ag_grid)]
_LOADED = [
    *(_PACKAGES[0] / "dcc").glob("*.js"),
    *(_PACKAGES[0] / "html").glob("*.min.js"),
    _PACKAGES[0] / "dash-renderer" / "build" / "dash_renderer.min.js",
    *(_PACKAGES[1].glob("*.js")),
]


def test_some_of_them_use_it() -> None:
    assert sum("regeneratorRuntime" in path.read_text(encoding="utf-8") for path in _LOADED) >= 2


@pytest.mark.parametrize("path", _LOADED, ids=lambda path: path.name)
def test_scripts_use_of_regenerator_what_the_page_has(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    steps = re.findall(r"regeneratorRuntime\.wrap\(function\((\w+)\)\{(.*?)\},\w+\)", text)
    assert len(steps) == len(re.findall(r"regeneratorRuntime\.wrap", text))
    used = {
        *re.findall(r"regeneratorRuntime\.(\w+)", text),
        *(f"at.{word}" for name, body in steps for word in re.findall(rf"\b{name}\.(\w+)", body)),
    }
    assert used <= {"mark", "wrap", "at.prev", "at.next", "at.stop"}
    assert all(re.search(rf"\b{name.removeprefix('at.')}: ", START) for name in used)


def test_a_script_is_known_by_its_hash() -> None:
    assert hash_of("") == "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"  # SHA-256 of nothing.
