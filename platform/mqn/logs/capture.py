"""Keeps what this process and its children write to stdout and stderr, in a file: the log of a job.

The file takes the place of the process's descriptors 1 and 2. So it gets the output of native libraries and of every
process that is started meanwhile, and a process that is killed leaves what it wrote so far. A process that was started
earlier (`mqn.workers`) hands its lines on by `pass_on`.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from mqn.text.redaction import redact

LOG = "log.txt"
"""The file's name in an artifact's folder."""
LARGEST_BYTES = 1 << 20
"""A log that is larger loses its middle."""

_HEAD_BYTES = LARGEST_BYTES // 4
_LOOK_SECONDS = 2.0
_SLACK = 4  # so often the largest size, before a log that still grows is cut
_AROUND = re.compile(rb"(?<=\n)[^\n]*\Z")

_lock = threading.Lock()
_open: int | None = None
"""Descriptor of the log that is written now."""
_path = Path()
"""Its path."""
_watcher: threading.Thread | None = None
"""Cuts whichever log is open; one for all jobs of the process, as a thread a job takes longer than many a job."""


@contextlib.contextmanager
def capturing(path: Path, title: str) -> Iterator[None]:
    """Keep all output in a file while the block runs; what the file holds already stays in front of it.

    Secrets are removed when the block ends: until then, and after a kill, the file holds what was written. If the block
    raises, its traceback is kept too.

    Args:
        path: the file; its folder exists.
        title: stands in front, with the time.

    Raises:
        OSError: the file cannot be written.
    """
    global _open, _path
    log = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    before = [os.dup(1), os.dup(2)]
    try:
        _flush()
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        with _lock:
            _open, _path = log, path
        _watch()
        began = time.monotonic()
        say(title)
        try:
            yield
        except BaseException:
            _write(traceback.format_exc())
            raise
        else:
            say(f"done after {time.monotonic() - began:.1f} s")
    finally:
        _flush()
        with _lock:
            _open = None
        for descriptor, kept in zip((1, 2), before, strict=True):
            os.dup2(kept, descriptor)
        _finish(path, log)
        for kept in (*before, log):
            os.close(kept)


def say(line: str) -> None:
    """Write a line into the log, with the time in UTC. Does nothing where none is written."""
    if _open is not None:
        _write(f"{time.strftime('%H:%M:%S', time.gmtime())}  {line}\n")


def pass_on(line: bytes) -> None:
    """Write what a child said into the log. Does nothing where none is written."""
    with _lock, contextlib.suppress(OSError):
        if _open is not None:
            os.write(_open, line)


def read_log(path: Path) -> bytes | None:
    """A log as it is now, or None if there is none. One that is still written is cut to the same size."""
    try:
        return cut_middle(path.read_bytes())
    except OSError:
        return None


def cut_middle(content: bytes) -> bytes:
    """At most `LARGEST_BYTES` of a text, and a line that says how much is left out: whole lines from both ends."""
    if len(content) <= LARGEST_BYTES:
        return content
    head, tail = content[:_HEAD_BYTES], content[_HEAD_BYTES - LARGEST_BYTES :]
    head, tail = _AROUND.sub(b"", head), tail.partition(b"\n")[2] or tail
    left_out = len(content) - len(head) - len(tail)
    return b"%s\n... %d bytes in the middle are left out ...\n%s" % (head.rstrip(b"\n"), left_out, tail)


def _write(text: str) -> None:
    # A full disk fails the work itself; it shall not hide why the work failed.
    _flush()
    pass_on(text.encode(errors="replace"))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _watch() -> None:
    global _watcher
    if _watcher is None or not _watcher.is_alive():  # A child of a fork has none.
        _watcher = threading.Thread(target=_keep_small, name="log", daemon=True)
        _watcher.start()


def _keep_small() -> None:
    """Cut a log that grows without end, while it is written: others only ever append to it."""
    while True:
        time.sleep(_LOOK_SECONDS)
        with _lock, contextlib.suppress(OSError):
            if _open is not None and _path.stat().st_size > _SLACK * LARGEST_BYTES:
                content = cut_middle(_path.read_bytes())
                os.truncate(_path, 0)
                os.write(_open, content)


def _finish(path: Path, log: int) -> None:
    """Cut the log and remove secrets. A new file: a child that lives on may still append to the old one."""
    with contextlib.suppress(OSError):
        content = cut_middle(os.pread(log, os.fstat(log).st_size, 0))
        new = path.with_name(f".{path.name}.new")
        new.write_text(redact(content.decode(errors="replace")), encoding="utf-8")
        new.replace(path)
