"""One pass over a server's queue: several runs at a time, each in its own order, none held up by another."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mqn.errors import ConfigError, TrackingError
from mqn.redaction import quiet_logger, redact
from mqn.track.connection import answers, away_line, database_file, failures, one_line, worth_another_try
from mqn.track.entries import RunEntry
from mqn.track.files import Unstored
from mqn.track.sender import Sender, ServerAwayError
from mqn.track.spool import Spool, study_name

_log = quiet_logger(__name__)

# Runs of a study that are sent at a time; SQLite lets one write at a time.
_THREADS = 4
# A study of which so many runs in a row cannot be sent, though the server answers, is left for the next round.
_FAILURES_IN_A_ROW = 3
# A place for files that takes so long to say no is not asked again in the same round.
_STALL_SECONDS = 5.0


class Told:
    """What was said already, so that no line is said twice, and how often entries failed."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.failures: dict[str, int] = {}
        self._lines: set[str] = set()

    def once(self, line: str) -> None:
        """Warn, unless that was done."""
        if line not in self._lines:
            self._lines.add(line)
            _log.warning("%s", line)


class Round:
    """Sends what lies in a spool once.

    Attributes:
        away: whether the server stopped answering.
        moved: monotonic time when something was sent last, or the round began.
        elsewhere: studies of which something waits, and which another process is sending.
    """

    def __init__(
        self,
        uri: str,
        spool: Spool,
        connect: Callable[[], Sender],
        told: Told,
        *,
        quiet: threading.Event,
        again: bool,
        study: str | None = None,
        sent: Callable[[int], None] | None = None,
    ) -> None:
        """Prepare.

        Args:
            uri: the tracking URI.
            spool: what to send.
            connect: makes the sender, or finds it.
            told: what earlier rounds said.
            quiet: while it is set, nothing is sent any more but what is on its way.
            again: also send what was refused, and files that could not be stored.
            study: of this study alone; None: of all.
            sent: told how many entries were dealt with.
        """
        self.away = False
        self.elsewhere: set[str] = set()
        self._uri, self._spool, self._connect, self._told = uri, spool, connect, told
        self._again, self._study, self._sent = again, study, sent or (lambda _: None)
        self._quiet = quiet
        self.moved = time.monotonic()
        self._reason = ""
        self._in_a_row = 0
        # Why a study's files are not tried any more in this round; empty while they are.
        self._stalled = ""

    def run(self) -> str:
        """Send until nothing is left that can be sent.

        Returns:
            Why not everything went; empty where it did, or where the round was cut short for quiet.
        """
        for folder in self._spool.studies():
            if self.cut_short or self._study not in (None, study_name(folder)):
                continue
            try:
                self._send_folder(folder)
            except (OSError, NotImplementedError) as error:  # of the spool itself: a disk that is full, or has no locks
                self._reason = f"the spool {folder} cannot be used: {one_line(error)}"
        if self.away:
            self._told.once(f"tracking is behind, entries wait in the spool: {self._reason}")
        return self._reason

    @property
    def cut_short(self) -> bool:
        """Whether it ended before everything was tried."""
        return self.away or self._quiet.is_set()

    def _send_folder(self, folder: Path) -> None:
        with self._spool.sending(folder) as ours:
            if not ours:
                if self._spool.waiting(folder):
                    self.elsewhere.add(study_name(folder))
                    self._reason = self._reason or f"another process sends study {study_name(folder)!r}"
                return
            if self._again:
                self._spool.take_back(folder)
            fileless = self._spool.fileless(folder) if self._again else []
            self._in_a_row, self._stalled = 0, ""
            self._send_study([*_by_run(self._spool.waiting(folder)), *([path] for path in fileless)])

    def _send_study(self, runs: list[list[Path]]) -> None:
        # What failed before goes last, so that it does not hold up the rest.
        waiting = deque(sorted(runs, key=lambda paths: self._told.failures.get(paths[0].stem, 0)))

        def work() -> None:
            while not self.cut_short and self._in_a_row < _FAILURES_IN_A_ROW:
                try:
                    paths = waiting.popleft()
                except IndexError:
                    return
                try:
                    self._send_run(paths)
                except OSError as error:  # of the spool itself: a disk that is full or read-only
                    self._fail(paths[0], error, away=False)

        threads = 1 if database_file(self._uri) is not None else min(_THREADS, len(waiting))
        if threads <= 1:
            work()
            return
        with ThreadPoolExecutor(threads, thread_name_prefix="mqn-tracker") as pool:
            for future in [pool.submit(work) for _ in range(threads)]:
                future.result()

    def _send_run(self, paths: list[Path]) -> None:
        """Send a run's entries in their order; what follows a refused one is refused with it."""
        for index, path in enumerate(paths):
            try:
                unstored = self._send(path)
            except (ConfigError, TrackingError) as error:
                if isinstance(error, ServerAwayError):
                    self._fail(path, error, away=True)
                else:
                    self._refuse(paths[index:], error)
                return
            except failures() as error:
                if worth_another_try(error):
                    self._fail(path, error, away=not answers(self._uri))
                else:
                    self._refuse(paths[index:], error)
                return
            self._in_a_row = 0
            if unstored is None:
                self._told.failures.pop(path.stem, None)
                self._spool.remove(path)
            self._advance(1)

    def _send(self, path: Path) -> Unstored | None:
        begun = time.perf_counter()
        entry = self._spool.read(path)
        sender = self._connect()
        call = sender.send_files if path.suffix == ".files" else sender.send
        try:
            unstored = call(entry, self._stalled)
        except failures() as error:
            # The experiment or run that we remember may be another by now.
            if worth_another_try(error) or not sender.forget(entry.study):
                raise
            unstored = call(entry, self._stalled)
        if unstored is not None:
            self._keep_files(path, entry, unstored)
            if time.perf_counter() - begun > _STALL_SECONDS:
                self._stalled = unstored.reason
        _log.debug("sent %s in %.0f ms", path.stem, 1000 * (time.perf_counter() - begun))
        return unstored

    def _keep_files(self, path: Path, entry: RunEntry, unstored: Unstored) -> None:
        self._spool.keep_files(path, dataclasses.replace(entry, artifacts=unstored.artifacts))
        self._told.failures[path.stem] = self._told.failures.get(path.stem, 0) + 1
        self._reason = str(unstored)
        self._told.once(f"study {entry.study!r}: {unstored}")

    def _fail(self, path: Path, error: Exception, *, away: bool) -> None:
        self._told.failures[path.stem] = self._told.failures.get(path.stem, 0) + 1
        self._in_a_row += 1
        self.away = self.away or away
        self._reason = away_line(self._uri, error) if away else one_line(error)
        if not away:
            self._told.once(f"an entry of study {study_name(path.parent)!r} waits: {self._reason}")

    def _refuse(self, paths: list[Path], error: Exception) -> None:
        for path in paths:
            if path.suffix == ".json":
                self._spool.refuse(path)
        self._reason = one_line(error)
        line = f"{redact(self._uri)} refused an entry of study {study_name(paths[0].parent)!r}: {self._reason}"
        self._told.once(f"{line}; it is kept, and sent again by the next run or by `mqn track resend`")
        self._advance(len(paths))

    def _advance(self, count: int) -> None:
        self.moved = time.monotonic()
        self._sent(count)


def _by_run(paths: list[Path]) -> list[list[Path]]:
    """Entries of one run together, in their order; an older version's names do not tell, and stand alone."""
    runs: dict[str, list[Path]] = {}
    for path in paths:
        words = path.stem.split("-")
        runs.setdefault(words[3] if len(words) > 3 else path.stem, []).append(path)
    return list(runs.values())
