"""Text for terminals: control characters are escaped and secrets removed, wherever the text came from.

Names of devices, files, layers and holders, and error texts of agents, are written by others. A terminal obeys control
characters, and rich obeys `[red]`; both would let such a text hide, forge or rewrite what stands on the screen.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TextIO

from mqn.text.redaction import redact

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TextColumn
    from rich.status import Status

PLAIN_WIDTH = 160
"""Columns where the output is no terminal: wide enough for any table."""

_KEPT = "\n\t\u200c\u200d"
"""Line ends and tabs, and what joins letters or keeps them apart in many scripts."""
_OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of controls (C0, C1), of formats (bidi overrides, tags), of surrogates, and of separators."""


def printable(text: str) -> str:
    r"""Printable text: control characters, and others that a terminal cannot show, are written as escapes.

    Args:
        text: from anywhere; bytes of a file's name that are not UTF-8 stand in it as Python's surrogates.

    Returns:
        The same text without its secrets, with `\x1b` for an escape character, `\u202e` for a bidi override, and `\xff`
        for a byte that is not UTF-8. Line ends and tabs stay.
    """
    text = redact(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_show, text))


def encodable(text: str, stream: TextIO) -> str:
    """Write characters that a stream's encoding lacks as escapes."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


@lru_cache(maxsize=4096)
def _show(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _OBEYED:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that could not be decoded
        code -= 0xDC00
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def open_console(stream: TextIO) -> Console:
    """A rich console without markup and emoji names; control characters are escaped.

    Where `stream` is no terminal it is plain text, `PLAIN_WIDTH` wide.
    """
    from rich.console import Console
    from rich.text import Text

    class Plain(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            shown = encodable(printable(text), self.file)  # type: ignore[arg-type]
            return super().render_str(shown, **(options | {"markup": False, "emoji": False}))

    width = None if stream.isatty() else PLAIN_WIDTH
    return Plain(file=stream, width=width, highlight=False, markup=False, emoji=False)


def text_column() -> TextColumn:
    """The column of a progress bar that says what goes on."""
    from rich.progress import Task, TextColumn
    from rich.text import Text

    class Plain(TextColumn):
        def render(self, task: Task) -> Text:
            return Text(printable(task.description))

    return Plain("")


def open_status(stream: TextIO, text: str) -> Status:
    """A line that moves while work goes on; `update` takes another text. Use it as a context manager."""
    from rich.status import Status
    from rich.text import Text

    class Plain(Status):
        def update(self, status: Any = None, **options: Any) -> None:
            super().update(Text(printable(status)) if isinstance(status, str) else status, **options)

    return Plain(Text(printable(text)), console=open_console(stream))
