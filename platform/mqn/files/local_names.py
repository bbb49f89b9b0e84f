"""Local paths from names that come from outside: listings, catalogues, archives, manifests, URLs.

A name that is not safe on Linux, macOS and Windows alike is refused, never bent into another: two names could be bent
into one. `inside` keeps a path in its folder, whatever links lie there. Folders that the program makes and may remove
again bear a mark; `remove_own` removes no other.
"""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
import urllib.parse
from pathlib import Path, PurePosixPath

from mqn.errors import LocalNameError
from mqn.text.redaction import shortened

LONGEST_NAME_BYTES = 200
"""Of one name in UTF-8. File systems take 255: what grows beside a file has a suffix of its own."""
LONGEST_PATH_BYTES = 1000
MARK = ".made-by-mqn"
"""The file that tells a folder as one that the program made and may remove."""

_MARK_LINE = "mqn made this folder, and removes it with all that is in it when it is made anew. Keep nothing here.\n"
_SHOWN = 80
_READABLE = 50
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_NOT_WINDOWS = set('<>:"|?*')
# Names of devices there, with blanks and any suffix behind them.
_DEVICES = re.compile(r"(?i)(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])[ ]*(?:\..*)?")
# They turn the order of what is shown, so that a name reads as another.
_TURNING = set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def safe_name(name: str) -> str:
    """Check one name, a single component of a path, and return it in Unicode's composed form (NFC).

    A name from a URL must be percent-decoded before.

    Raises:
        LocalNameError: it is empty, hidden or too long, or some system takes it for something else: it holds
            separators, control characters or `<>:"|?*`, is a device's name, or ends in a dot or blank.
    """
    reason = _fault(name)
    if reason:
        raise LocalNameError(f"{_shown(name)} cannot be the name of a file: {reason}")
    return unicodedata.normalize("NFC", name)


def safe_path(name: str) -> str:
    """Check a relative path of several names with `/` between them.

    Returns:
        It, with each of its names as `safe_name` gives it.

    Raises:
        LocalNameError: it is absolute, has `.` or `..` in it, is too long, or one of its names is not safe.
    """
    if name.startswith("/"):
        raise LocalNameError(f"{_shown(name)} cannot be the path of a file: it is absolute")
    path = "/".join(safe_name(part) for part in name.split("/"))
    if len(path.encode()) > LONGEST_PATH_BYTES:
        raise LocalNameError(
            f"{_shown(name)} cannot be the path of a file: it has more than {LONGEST_PATH_BYTES} bytes"
        )
    return path


def name_of_url(url: str) -> str:
    """The local name of what lies at a URL: the last part of its path, decoded once; query and fragment do not count.

    Raises:
        LocalNameError: that part is no safe name.
    """
    try:
        last = urllib.parse.urlsplit(url).path.rpartition("/")[2]
        # Strictly: two names with different bytes that are no UTF-8 would become one.
        name = urllib.parse.unquote(last, errors="strict")
    except ValueError as error:
        raise LocalNameError(f"{_shown(url)} is no address of a file: {error}") from error
    try:
        return safe_name(name)
    except LocalNameError as error:
        raise LocalNameError(f"{_shown(url)} is no address of a file: {error}") from error


def beginning_of(name: str, otherwise: str) -> str:
    """The readable beginning of a local name that ends in a hash."""
    try:
        return safe_name(name[:_READABLE])
    except LocalNameError:
        return otherwise


def require_local(place: str | os.PathLike[str], what: str = "") -> None:
    """Refuse a URL where a path is needed. `./NAME:/...` is a path, whatever NAME is.

    `what` stands before the place in the message, for example `--checkpoint `.

    Raises:
        LocalNameError: it is a URL: `s3://bucket/x`, `file:///x`, `https://x/y`.
    """
    text = os.fspath(place)
    # A path that was made of a URL has lost one of its slashes.
    if _URL.match(text):
        raise LocalNameError(
            f"{what}{_shown(text)} is a URL; only a path on this machine is supported there: copy it here and give that"
        )


class DistinctNames:
    """Paths of one folder; no two are the same on a system that ignores case or forms of Unicode."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def add(self, path: str) -> None:
        """Take a file's path, with `/`.

        Raises:
            LocalNameError: another file has it, or it would be a file and a folder; names both.
        """
        key = _folded(path)
        parts = key.split("/")
        parents = ["/".join(parts[:count]) for count in range(1, len(parts))]
        other = (
            self._files.get(key) or self._folders.get(key) or next(filter(None, map(self._files.get, parents)), None)
        )
        if other is not None:
            raise LocalNameError(f"{_shown(other)} and {_shown(path)} would be one file on some systems")
        self._files[key] = path
        for parent in parents:
            self._folders[parent] = path


def below(relative: str | os.PathLike[str]) -> PurePosixPath:
    """A relative path that leads out of no folder, judged by its text; `inside` checks links too.

    Raises:
        LocalNameError: the path is absolute, has `..` in it, or is the folder itself.
    """
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in str(path):
        raise LocalNameError(f"{_shown(str(relative))} is no path inside a folder")
    return path


def inside(folder: Path, relative: str | os.PathLike[str]) -> Path:
    """A path below a folder, `folder / relative`; every link on the way is followed and checked.

    Raises:
        LocalNameError: the path is absolute, has `..` in it, is the folder itself, or leaves it through a link.
    """
    target = folder / below(relative)
    _require_contained(target, folder)
    return target


def make_own(folder: Path) -> Path:
    """Make a folder that the program may remove again, and mark it. One that has the mark stays as it is.

    Raises:
        LocalNameError: something else of that name is there already.
        OSError: it cannot be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(folder):
        folder.mkdir()
    elif folder.is_symlink() or not folder.is_dir() or (not is_own(folder) and any(folder.iterdir())):
        raise LocalNameError(f"{folder} is there already and was not made by this program; move it away")
    return mark_own(folder)


def mark_own(folder: Path) -> Path:
    """Mark a folder that the program made."""
    (folder / MARK).write_text(_MARK_LINE, encoding="ascii")
    return folder


def is_own(folder: Path) -> bool:
    """Whether `make_own` made a folder, wherever it was moved since."""
    mark = folder / MARK
    try:
        return not folder.is_symlink() and not mark.is_symlink() and mark.read_text(encoding="ascii") == _MARK_LINE
    except (OSError, UnicodeDecodeError):
        return False


def remove_own(folder: Path, *, within: Path) -> None:
    """Remove a folder that `make_own` made, with all that is in it. Nothing is done where there is none.

    Raises:
        LocalNameError: it lies not below `within`, is a link, or does not bear the mark; nothing was removed.
        OSError: it cannot be removed.
    """
    if not os.path.lexists(folder):
        return
    _require_contained(folder, within)
    if not is_own(folder):
        raise LocalNameError(f"{folder} was not made by this program, so it is not removed; move it away")
    shutil.rmtree(folder)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())


def _fault(name: str) -> str:
    """What is wrong with a name; empty where nothing is."""
    try:
        size = len(unicodedata.normalize("NFC", name).encode())
    except UnicodeEncodeError:
        return "it is not Unicode"
    # What a system would make of wide forms of dots and separators is not known: they are judged as the plain ones.
    plain = unicodedata.normalize("NFKC", name)
    if not plain.strip(". "):
        return "it is empty, or dots only"
    if any(character in "/\\" for character in name + plain):
        return "it holds a separator of folders"
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") or character in _TURNING for character in name):
        return "it holds a control character"
    if held := sorted(_NOT_WINDOWS & set(name)):
        return f"it holds {held[0]!r}, which not every system takes"
    if name.startswith((".", " ")):
        return f"it begins with {name[0]!r}"
    if name.endswith((".", " ")):
        return f"it ends with {name[-1]!r}"
    if _DEVICES.fullmatch(plain.strip()):
        return "it is a device on Windows"
    if size > LONGEST_NAME_BYTES:
        return f"it has {size} bytes, more than {LONGEST_NAME_BYTES}"
    return ""


def _require_contained(path: Path, folder: Path) -> None:
    try:
        root, resolved = folder.resolve(), path.resolve()
    except (OSError, RuntimeError) as error:  # A ring of links.
        raise LocalNameError(f"{path} cannot be followed: {error}") from error
    if root not in resolved.parents:
        raise LocalNameError(f"{path} is not inside {folder}: it leads to {resolved}")


def _shown(name: str) -> str:
    return repr(shortened(name, _SHOWN))
