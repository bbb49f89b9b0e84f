"""One pass over a server's queue. Several runs are sent at a time, the entries of each run in order."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from mqn.net.database_urls import sqlite_file
from mqn.parsing import read_json
from mqn.text.redaction import quiet_logger, redact
from mqn.track.connection import one_line
from mqn.track.entries import RunEntry
from mqn.track.sending.attempts import Outcome
from mqn.track.sending.files import Unstored
from mqn.track.sending.process import LANES
from mqn.track.spool import Spool, study_name

_log = quiet_logger(__name__)

# After so many failures in a row, though the server answers, a study waits for the next round.
_FAILURES_IN_A_ROW = 3
# A location for files that needs so long to fail is not tried again in the same round.
_STALL_SECONDS = 5.0
_FORBIDDEN = "this driver does not hold its study any more, so it sends nothing"


class Told:
    """The warnings that were printed already, how often each entry failed, and whether any was ever sent."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.sent = False
        self.failures: dict[str, int] = {}
        self._lines: set[str] = set()

    def once(self, line: str) -> None:
        """Print a warning, unless it was printed before."""
        if line not in self._lines:
            self._lines.add(line)
            _log.warning("%s", line)


@dataclass(slots=True, kw_only=True)
class Round:
    """Sends what lies in a spool once.

    Attributes:
        uri: the tracking URI.
        spool: what to send.
        attempt: sends an entry, given its file and why its files are not tried; other threads call it too.
        told: what earlier rounds said.
        quiet: while it is set, nothing is sent any more but what is on its way.
        again: also send what was refused, and files that could not be stored.
        study: of this study alone; None: of all.
        allowed: asked before each entry whether this process may still send; where it may not, the round ends.
        sent: told how many entries were dealt with.
        away: whether the server stopped answering.
        forbidden: whether this process was not allowed to send.
        moved: monotonic time when something was sent last, or the round began.
        elsewhere: studies of which something waits, and which another process is sending.
    """

    uri: str
    spool: Spool
    attempt: Callable[[Path, str], Outcome]
    told: Told
    quiet: threading.Event
    again: bool
    study: str | None = None
    allowed: Callable[[], bool] = lambda: True
    sent: Callable[[int], None] | None = None
    away: bool = False
    forbidden: bool = False
    moved: float = field(default_factory=time.monotonic)
    elsewhere: set[str] = field(default_factory=set)
    _reason: str = ""
    _in_a_row: int = 0
    # Why a study's files are not tried any more in this round; empty while they are.
    _stalled: str = ""

    def run(self) -> str:
        """Send until nothing is left that can be sent.

        Returns:
            Why not everything went; empty where it did, or where the round was cut short for quiet.
        """
        for folder in self.spool.studies():
            if self.cut_short or self.study not in (None, study_name(folder)):
                continue
            try:
                self._send_folder(folder)
            except (OSError, NotImplementedError) as error:  # of the spool itself: a disk that is full, or has no locks
                self._reason = f"the spool {folder} cannot be used: {one_line(error)}"
        if self.away:
            words = "tracking is behind" if self.told.sent else "nothing is tracked so far"
            self.told.once(f"{words}, entries wait in the spool: {self._reason}")
        return self._reason

    @property
    def cut_short(self) -> bool:
        """Whether it ended before everything was tried."""
        return self.away or self.forbidden or self.quiet.is_set()

    def _send_folder(self, folder: Path) -> None:
        with self.spool.sending(folder) as ours:
            if not ours:
                if self.spool.waiting(folder):
                    self.elsewhere.add(study_name(folder))
                    self._reason = self._reason or f"another process sends study {study_name(folder)!r}"
                return
            if self.again:
                self.spool.take_back(folder)
            fileless = self.spool.fileless(folder) if self.again else []
            self._in_a_row, self._stalled = 0, ""
            self._send_study([*_by_run(self.spool.waiting(folder)), *([path] for path in fileless)])

    def _send_study(self, runs: list[list[Path]]) -> None:
        # Entries that failed before go last.
        waiting = deque(sorted(runs, key=lambda paths: self.told.failures.get(paths[0].stem, 0)))

        def work() -> None:
            while not self.cut_short and self._in_a_row < _FAILURES_IN_A_ROW:
                try:
                    paths = waiting.popleft()
                except IndexError:
                    return
                try:
                    self._send_run(paths)
                except OSError as error:  # of the spool itself: a disk that is full or read-only
                    self._fail(paths[0], one_line(error), away=False)

        # SQLite lets one write at a time.
        threads = 1 if sqlite_file(self.uri) is not None else min(LANES, len(waiting))
        if threads <= 1:
            work()
            return
        with ThreadPoolExecutor(threads, thread_name_prefix="mqn-tracker") as pool:
            for future in [pool.submit(work) for _ in range(threads)]:
                future.result()

    def _send_run(self, paths: list[Path]) -> None:
        """Send a run's entries in order; those behind a refused one are refused too."""
        for index, path in enumerate(paths):
            if not self.allowed():
                self.forbidden, self._reason = True, _FORBIDDEN
                return
            begun = time.perf_counter()
            outcome = self.attempt(path, self._stalled)
            if outcome.failed:
                self._fail(path, outcome.failed, away=outcome.away)
                return
            if outcome.refused:
                self._refuse(paths[index:], outcome.refused)
                return
            seconds = time.perf_counter() - begun
            _log.debug("sent %s in %.0f ms", path.stem, 1000 * seconds)
            self._in_a_row, self.told.sent = 0, True
            if outcome.unstored is None:
                self.told.failures.pop(path.stem, None)
                path.unlink(missing_ok=True)
            else:
                self._keep_files(path, outcome.unstored, seconds)
            self._advance(1)

    def _keep_files(self, path: Path, unstored: Unstored, seconds: float) -> None:
        entry = read_json(RunEntry, path)
        self.spool.keep_files(path, dataclasses.replace(entry, artifacts=unstored.artifacts))
        self.told.failures[path.stem] = self.told.failures.get(path.stem, 0) + 1
        self._reason = str(unstored)
        self.told.once(f"study {entry.study!r}: {unstored}")
        if seconds > _STALL_SECONDS:
            self._stalled = unstored.reason

    def _fail(self, path: Path, reason: str, *, away: bool) -> None:
        self.told.failures[path.stem] = self.told.failures.get(path.stem, 0) + 1
        self._in_a_row += 1
        self.away = self.away or away
        self._reason = reason
        if not away:
            self.told.once(f"an entry of study {study_name(path.parent)!r} waits: {self._reason}")

    def _refuse(self, paths: list[Path], reason: str) -> None:
        for path in paths:
            if path.suffix == ".json":
                self.spool.refuse(path)
        self._reason = reason
        line = f"{redact(self.uri)} refused an entry of study {study_name(paths[0].parent)!r}: {self._reason}"
        self.told.once(f"{line}; it is kept, and sent again by the next run or by `mqn track resend`")
        self._advance(len(paths))

    def _advance(self, count: int) -> None:
        self.moved = time.monotonic()
        if self.sent is not None:
            self.sent(count)


def _by_run(paths: list[Path]) -> list[list[Path]]:
    """Entries grouped by run, in order. Names of an older version do not tell the run; such entries stand alone."""
    runs: dict[str, list[Path]] = {}
    for path in paths:
        words = path.stem.split("-")
        runs.setdefault(words[3] if len(words) > 3 else path.stem, []).append(path)
    return list(runs.values())
