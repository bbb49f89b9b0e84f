"""How this package is installed, and therefore which command adds to it: no index has it, a clone or a wheel does."""

from __future__ import annotations

import json
import shlex
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mqn import __version__

PACKAGE = "mqn-platform"
WHEEL = f"mqn_platform-{__version__}-py3-none-any.whl"
"""What `make wheel` builds, in `dist/` of the clone."""


def clone() -> Path | None:
    """The clone that this code runs from; None where it is installed from a wheel."""
    folder = Path(__file__).resolve().parents[2]
    return folder if (folder / "pyproject.toml").is_file() and (folder / "platform").is_dir() else None


def find_wheel() -> Path | None:
    """The wheel of this version: that in a clone's `dist/`, or that which pip installed; None: neither is there."""
    root = clone()
    if root is not None:
        built = root / "dist" / WHEEL
        return built if built.is_file() else None
    try:
        told = metadata.distribution(PACKAGE).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return None
    url = urlsplit(str(json.loads(told).get("url", ""))) if told else None
    if url is None or url.scheme != "file":
        return None
    path = Path(unquote(url.path))
    return path if path.suffix == ".whl" and path.is_file() else None


def install_command(extra: str) -> str:
    """What adds an extra to this installation.

    Args:
        extra: of `pyproject.toml`: `agent`, `search`, `all`, ...

    Returns:
        A command for a shell; from an installed package whose wheel is gone, one that names the wheel to be built.
    """
    root = clone()
    if root is not None:
        return f"pip install --editable {shlex.quote(f'{root}[{extra}]')}"
    return f"pip install {shlex.quote(f'{find_wheel() or WHEEL}[{extra}]')}"
