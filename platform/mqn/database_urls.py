"""URLs of databases whose files lie in folders of any name.

A URL gives `%`, `?` and `#` a meaning of their own, and Optuna fills in `{...}`: in a folder's name they are quoted.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

_QUOTED = str.maketrans({character: f"%{ord(character):02X}" for character in "%?#{}"})
_SQLITE = "sqlite:///"
# The same driver by its whole name: under the short one MLflow makes the folder of the name as it is quoted.
_SQLITE_QUOTED = "sqlite+pysqlite:///"


def fill_home(pattern: str, folder: Path) -> str:
    """A URL with `$MQN_HOME` in it.

    Args:
        pattern: the URL; `{home}` stands for the folder.
        folder: what `$MQN_HOME` is, an absolute path.

    Returns:
        The URL, as SQLAlchemy, Optuna and MLflow understand it.
    """
    quoted = str(folder).translate(_QUOTED)
    url = pattern.format(home=quoted)
    if quoted != str(folder) and url.startswith(_SQLITE):
        return _SQLITE_QUOTED + url.removeprefix(_SQLITE)
    return url


def sqlite_url(file: Path) -> str:
    """The URL of an SQLite database.

    Args:
        file: its absolute path.
    """
    return f"{fill_home(f'{_SQLITE}{{home}}', file.parent)}/{file.name.translate(_QUOTED)}"


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database; None for every other kind.

    Args:
        url: as SQLAlchemy understands it.
    """
    scheme, separator, rest = url.partition(":///")
    if not separator or scheme.partition("+")[0] != "sqlite":
        return None
    return Path(unquote(rest.partition("?")[0])).absolute()
