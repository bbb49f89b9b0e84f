"""How this package is installed (a clone or a wheel, for no index has it), and the command that adds an extra."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from urllib.parse import unquote, urlsplit

__version__ = "0.1.0"
PACKAGE = "mqn-platform"
WHEEL = f"mqn_platform-{__version__}-py3-none-any.whl"
"""What `make wheel` builds, in `dist/` of the clone."""

_DRIVERS = {"MySQLdb": "mysqlclient"}
"""Modules of databases whose package has another name."""


def clone() -> Path | None:
    """The clone that this code runs from; None where it is installed from a wheel."""
    folder = Path(__file__).resolve().parents[2]
    return folder if (folder / "pyproject.toml").is_file() and (folder / "platform").is_dir() else None


def find_wheel() -> Path | None:
    """The wheel of this version, in a clone's `dist/` or as pip installed it; None where there is none."""
    root = clone()
    if root is not None:
        built = root / "dist" / WHEEL
        return built if built.is_file() else None
    from importlib import metadata

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
    """The command that adds an extra to this installation.

    Returns:
        A command for a shell; from an installed package whose wheel is gone, one that names the wheel to be built.
    """
    root = clone()
    if root is not None:
        return f"pip install --editable {shlex.quote(f'{root}[{extra}]')}"
    return f"pip install {shlex.quote(f'{find_wheel() or WHEEL}[{extra}]')}"


def database_driver(url: str, error: ImportError) -> str:
    """What a database URL lacks here, and the command that installs it: `needs the database driver psycopg: ...`.

    Args:
        url: SQLAlchemy's.
        error: what opening it raised.
    """
    module = getattr(error.__cause__, "name", None) or error.name or "of its kind"
    package = _DRIVERS.get(module, module)
    install = install_command("postgres") if url.startswith("postgres") else f"pip install {package}"
    return f"needs the database driver {module}: {install}"
