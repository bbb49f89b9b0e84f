"""The audit log: JSON lines, appended, rotated by size, without secrets."""

from __future__ import annotations

import errno
import itertools
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

AUDIT_FILE = "audit.jsonl"
MAX_BYTES = 5_000_000
KEPT = 4


class Audit:
    """The log. It may be written to from any thread."""

    def __init__(self, path: Path | None, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        """Open it; None: nothing is written. A larger file is put aside as `.1`, `.2`, ..., of which some are kept."""
        self._path, self._max_bytes, self._kept = path, max_bytes, kept
        self._lock = threading.Lock()
        self.lost = 0
        """Lines that a full disk did not take: what they tell of happened all the same."""

    def write(self, event: str, **facts: Any) -> None:
        """Add a line.

        Args:
            event: what happened, in one word or two.
            facts: plain values; empty ones are left out.
        """
        if self._path is None:
            return
        told = {key: value for key, value in facts.items() if value not in ("", None)}
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = (json.dumps({"time": now, "event": event, **told}) + "\n").encode()
        with self._lock:
            try:
                self._append(self._path, line)
            except OSError:
                self.lost += 1

    def _append(self, path: Path, line: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            before = os.fstat(descriptor).st_size
            if os.write(descriptor, line) < len(line):
                os.ftruncate(descriptor, before)
                raise OSError(errno.ENOSPC, "the disk took half a line")
            full = before + len(line) >= self._max_bytes
        finally:
            os.close(descriptor)
        if full:
            names = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, self._kept + 1))]
            for newer, older in reversed(list(itertools.pairwise(names))):
                if newer.exists():
                    newer.replace(older)
