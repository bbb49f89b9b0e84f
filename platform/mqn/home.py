"""The folder of state (`$MQN_HOME`), and the folders of shipped TOML files (in a clone or in the wheel)."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from mqn.errors import UnknownNameError, UsageError

DATA_FOLDERS = ("search_spaces", "runners", "dashboards")
"""Folders of shipped files: beside the package in a clone, inside it in a wheel."""


def home() -> Path:
    """The folder of studies, artifacts and caches: `$MQN_HOME`, or `.mqn` in the current folder.

    Made if absent, and then for its owner alone: it holds tokens, and what studies are made from.

    Raises:
        UsageError: it cannot be made.
    """
    named = os.environ.get("MQN_HOME") or ".mqn"  # One that is set to nothing names no folder.
    try:
        folder = Path(named).expanduser().absolute()
    except RuntimeError as error:
        raise UsageError(f"MQN_HOME={named}: there is no such user; set it to a folder") from error
    try:
        str(folder).encode()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{str(folder)!r} is not UTF-8, which databases need; set MQN_HOME to another folder"
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot make {folder}: {error.strerror}; set MQN_HOME to a folder you may write to"
        ) from error
    return folder


def data_folder(kind: str) -> Path:
    """The folder of shipped TOML files of one kind: the clone's, or the copy in the wheel."""
    clone = Path(__file__).resolve().parents[2]
    if (clone / "pyproject.toml").is_file() and (clone / kind).is_dir():
        return clone / kind
    return Path(str(resources.files("mqn"))) / "_shipped" / kind


def shipped(kind: str, name: str) -> Path:
    """Find a space, profile or dashboard by name or path.

    Args:
        kind: `search_spaces`, `runners` or `dashboards`.
        name: a shipped file's stem, or a path to a .toml file.

    Raises:
        UnknownNameError: neither a shipped name nor a file.
    """
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    folder = data_folder(kind)
    found = folder / f"{name}.toml"
    if found.is_file() and found.parent == folder:
        return found
    singular = {"search_spaces": "space", "runners": "profile", "dashboards": "dashboard"}[kind]
    names = (file.stem for file in folder.glob("*.toml"))
    raise UnknownNameError(singular, name, names, "or give a path to a .toml file")
