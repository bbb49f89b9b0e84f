"""URLs of databases whose files lie in folders of any name.

A URL gives `%`, `?` and `#` a meaning of their own, and Optuna fills in `{...}`: in a folder's name they are quoted.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

_QUOTED = str.maketrans({character: f"%{ord(character):02X}" for character in "%?#{}"})
_SQLITE = "sqlite:///"
_PORTS = {"postgres": 5432, "mysql": 3306, "mssql": 1433}
# The same driver by its whole name: under the short one MLflow makes the folder of the name as it is quoted.
_SQLITE_QUOTED = "sqlite+pysqlite:///"


def fill_home(pattern: str, folder: Path) -> str:
    """Replace `{home}` in a URL by the absolute path of `$MQN_HOME`, as SQLAlchemy, Optuna and MLflow take it."""
    quoted = str(folder).translate(_QUOTED)
    url = pattern.format(home=quoted)
    if quoted != str(folder) and url.startswith(_SQLITE):
        return _SQLITE_QUOTED + url.removeprefix(_SQLITE)
    return url


def sqlite_url(file: Path) -> str:
    """The URL of an SQLite database."""
    return f"{fill_home(f'{_SQLITE}{{home}}', file.parent)}/{file.name.translate(_QUOTED)}"


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database; None for every other kind."""
    scheme, separator, rest = url.partition(":///")
    if not separator or scheme.partition("+")[0] != "sqlite":
        return None
    return Path(unquote(rest.partition("?")[0])).absolute()


def same_database(one: str, other: str) -> bool:
    """Whether two URLs name the same database, by whatever driver and password.

    What may choose another schema in it counts: the user, and options such as `?options=-csearch_path=...`.
    """
    files = sqlite_file(one), sqlite_file(other)
    if files != (None, None):
        return files[0] == files[1]
    return _place(one) == _place(other)


def _place(url: str) -> tuple[object, ...]:
    parts = urlsplit(url)
    kind = parts.scheme.partition("+")[0].lower().replace("postgresql", "postgres")
    query = parse_qs(parts.query)
    try:
        port = parts.port or _PORTS.get(kind)
    except ValueError:  # Whoever connects says so.
        port = None
    host = (parts.hostname or "localhost").replace("127.0.0.1", "localhost")
    return kind, host, port, parts.path, parts.username, query.get("options"), query.get("host")
