"""Which command adds to an installation, from a clone and from a wheel."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from mqn import distribution
from mqn.distribution import WHEEL, find_wheel, install_command


class Installed:
    """What pip notes of an installed package."""

    def __init__(self, told: str | None) -> None:
        self._told = told

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self._told


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch):
    """No clone: the package was installed as pip notes it."""

    def note(told: str | None) -> None:
        monkeypatch.setattr(distribution, "clone", lambda: None)
        monkeypatch.setattr(metadata, "distribution", lambda _: Installed(told))

    return note


def test_a_clone_installs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[1]
    assert install_command("agent") == f"pip install --editable '{root}[agent]'"
    monkeypatch.setattr(distribution, "clone", lambda: tmp_path)
    assert find_wheel() is None
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / WHEEL).write_bytes(b"")
    assert find_wheel() == tmp_path / "dist" / WHEEL


def test_an_installed_wheel_is_named_where_it_still_lies(tmp_path: Path, installed) -> None:
    wheel = tmp_path / "a b" / WHEEL
    wheel.parent.mkdir()
    wheel.write_bytes(b"")
    installed(json.dumps({"url": wheel.as_uri()}))
    assert install_command("all") == f"pip install '{wheel}[all]'"
    wheel.unlink()
    assert install_command("all") == f"pip install '{WHEEL}[all]'"


@pytest.mark.parametrize("told", [None, json.dumps({"url": "https://host/x.whl"}), json.dumps({"url": "file:///src"})])
def test_what_pip_noted_otherwise_names_the_wheel_to_be_built(told: str | None, installed) -> None:
    installed(told)
    assert find_wheel() is None
    assert install_command("search") == f"pip install '{WHEEL}[search]'"
