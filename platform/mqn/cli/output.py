"""What commands print: documents on stdout, the rest on stderr, all of it through `printable` and without secrets."""

from __future__ import annotations

import json
import math
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO, cast

from mqn.parsing import to_plain
from mqn.text.redaction import redact
from mqn.text.terminal import encodable, open_console, open_status, printable, text_column

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.status import Status

__all__ = ["console", "document", "error", "in_line", "line", "note", "printable", "progress", "spinner", "table"]


class _Redacted:
    """A stream that takes secrets out of what is written, whoever writes: rich, warnings, tracebacks, libraries."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(redact(text))
        return len(text)

    def writelines(self, lines: Sequence[str]) -> None:
        for text in lines:
            self.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def redacted() -> Iterator[None]:
    """Take secrets out of everything that this process writes to stdout and stderr meanwhile."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", _Redacted(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of an error that nothing expected; takes the place of `sys.excepthook`."""
    _write(sys.stderr, redact("".join(traceback.format_exception(kind, error, trace))).rstrip("\n"))


def document(value: Any) -> None:
    """Print one JSON document on stdout.

    Args:
        value: records or plain values; figures that are not finite become null.
    """
    # Redacted string by string, and once more as a whole: a field's name may be what tells.
    sys.stdout.write(redact(json.dumps(_plain(to_plain(value)), indent=1, allow_nan=False)) + "\n")


def in_line(text: object) -> str:
    """Text with a file's name in it for a line of its own: a name may hold line ends, which are shown as escapes."""
    return str(text).replace("\n", "\\n").replace("\r", "\\r")


def line(text: str) -> None:
    """Print a line of the command's answer on stdout."""
    _write(sys.stdout, text)


def note(text: str) -> None:
    """Print a line about the work on stderr."""
    _write(sys.stderr, text)


def error(text: str) -> None:
    """Print the one line that a command fails with."""
    _write(sys.stderr, f"mqn: {text}")


def console() -> Console:
    """A rich console on stdout; plain text, wide enough for any table, where stdout is no terminal."""
    return open_console(sys.stdout)


Cell = str | tuple[str, ...]
"""A cell of a table: a text, or lines."""


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, title: str | None = None) -> None:
    """Print a table on stdout; columns that hold only numbers stand flush right.

    Args:
        columns: their heads.
        rows: of cells. A cell is a text, which stays in one line whatever it holds, or a tuple of lines.
        title: above it.
    """
    from rich import box
    from rich.table import Table

    drawn = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="right" if all(_is_number(row[index]) for row in rows) else "left")
    for row in rows:
        drawn.add_row(*("\n".join(line.replace("\n", "\\n") for line in _lines(cell)) for cell in row))
    console().print(drawn)


def progress(*, of_bytes: bool = False) -> Progress:
    """A progress bar on stderr, for work that takes more than a moment. Use it as a context manager.

    Args:
        of_bytes: count bytes, and tell how fast they come.
    """
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TimeElapsedColumn,
        TransferSpeedColumn,
    )

    return Progress(
        text_column(),
        BarColumn(),
        *((DownloadColumn(), TransferSpeedColumn()) if of_bytes else (MofNCompleteColumn(),)),
        TimeElapsedColumn(),
        console=open_console(sys.stderr),
        transient=True,
    )


def spinner(text: str) -> Status:
    """A line on stderr that moves while work goes on whose end cannot be foretold. Use it as a context manager."""
    return open_status(sys.stderr, text)


def _write(stream: TextIO, text: str) -> None:
    stream.write(encodable(printable(text), stream) + "\n")


def _lines(cell: Cell) -> tuple[str, ...]:
    return (cell,) if isinstance(cell, str) else cell


def _is_number(cell: Cell) -> bool:
    text = " ".join(_lines(cell))
    words = text.replace(",", "").replace("±", " ").split()
    try:
        return bool(words) and all(math.isfinite(float(word)) for word in words)
    except ValueError:
        return text in ("", "-")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {redact(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return redact(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
