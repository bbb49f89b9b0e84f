"""Keeps picture libraries off the terminal: what they print goes into the error that we raise instead."""

from __future__ import annotations

import contextlib
import io
import os
import re
import struct
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mqn.errors import PictureError

_STDERR = 2

# How libraries say that a file is whole, but more than they read.
_NOT_SUPPORTED = re.compile(
    r"unsupported|not (?:\w+ ){0,2}support|not implemented|unimplemented|cannot handle|can't handle|not a known",
    re.IGNORECASE,
)

# File descriptors and sys.stdout belong to the whole process: two threads that swap them in turn restore wrongly.
_lock = threading.RLock()


@dataclass(slots=True)
class Noise:
    """What was printed. Filled when the `with` block ends."""

    text: str = ""

    @property
    def first_line(self) -> str:
        """The first line that says something, or an empty string."""
        return next((line.strip() for line in self.text.splitlines() if line.strip()), "")


@contextlib.contextmanager
def captured_noise() -> Iterator[Noise]:
    """Catch what libraries print while they decode.

    OpenCV, libpng, libjpeg and OpenEXR's core write to file descriptor 2, where only the descriptor itself can be
    turned away; OpenEXR's binding prints to `sys.stdout`, which belongs to the commands' JSON.

    Yields:
        A `Noise` to look at behind the block.
    """
    noise = Noise()
    printed = io.StringIO()
    with _lock:
        kept = _duplicate_of_stderr()
        if kept is None:
            with contextlib.redirect_stdout(printed):
                yield noise
            return
        with tempfile.TemporaryFile() as stream:
            os.dup2(stream.fileno(), _STDERR)
            try:
                with contextlib.redirect_stdout(printed):
                    yield noise
            finally:
                os.dup2(kept, _STDERR)
                os.close(kept)
                stream.seek(0)
                noise.text = stream.read().decode("utf-8", "replace") + printed.getvalue()


@contextlib.contextmanager
def decoding(path: Path, failures: tuple[type[Exception], ...], kind: str = "") -> Iterator[None]:
    """Hold back what a library prints, and name the file that it fails on.

    Raises:
        PictureError: the library failed.
    """
    try:
        with captured_noise():
            yield
    except failures as error:
        raise PictureError(f"{path}: {fault(error, kind)}") from error


def _duplicate_of_stderr() -> int | None:
    """A second descriptor of standard error; None in a service that closed it, where nobody could be disturbed."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
        return os.dup(_STDERR)
    except OSError:
        return None


def in_one_line(reason: str) -> str:
    """Put a library's own words into brackets, to stand at the end of an error's line.

    Places in the library's source are removed, and so is the path, which the line has named already.
    The result begins with a space; it is empty if the library said nothing.
    """
    words = " ".join(reason.split())
    words = re.sub(r"^\[[^]]*\] global \S+ \S+ ", "", words)
    words = re.sub(r"^.*error: \([^)]*\) ", "", words)
    words = re.sub(r"^.*: \((EXR_ERR_\w+)\) ", r"\1: ", words)
    words = re.sub(r" in function '\w+'$", "", words)
    return f" ({words[:300]})" if words else ""


def fault(reason: str | Exception, kind: str = "") -> str:
    """Say why a library did not decode a file: "not supported" if the library says so, else that it is damaged.

    Users look for the cause where they are sent. Errors that damaged data cause by accident, in the middle of a
    library's arithmetic, say nothing. `kind` is what the file was taken for, if it may be another.
    """
    by_accident = (struct.error, LookupError, TypeError, AttributeError, ArithmeticError, UnicodeError)
    words = "" if isinstance(reason, by_accident) else str(reason)
    if _NOT_SUPPORTED.search(words):
        return f"is a variant{' of ' + kind if kind else ''} that is not supported{in_one_line(words)}"
    return f"damaged{', cut short, or not ' + kind if kind else ' or cut short'}{in_one_line(words)}"
