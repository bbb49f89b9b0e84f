"""Sends entries from the spool to the tracking server in the background, so that a study does not wait."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from mqn.text.redaction import redact
from mqn.track.sending.process import SenderProcess
from mqn.track.sending.rounds import Round, Told
from mqn.track.spool import Spool

# Pause before a server that is away is asked again; it doubles each time.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 5.0, 60.0
# Pause between looks at a study that another process is sending.
_ELSEWHERE_SECONDS = 0.5
# A measurement waits so long for an entry that is being sent: without progress, and in all.
_QUIET_SECONDS, _QUIET_LIMIT_SECONDS = 1.0, 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What the tracking server has not taken.

    Attributes:
        left: entries that wait in the spool, of all studies.
        refused: entries that the server understood and did not take; they are sent again by the next run.
        unstored: runs that are logged, and have files that could not be stored; they are tried again likewise.
        reason: why; empty where nothing is left.
    """

    left: int = 0
    refused: int = 0
    unstored: int = 0
    reason: str = ""

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return self.entries > 0

    @property
    def entries(self) -> int:
        """All that is left."""
        return self.left + self.refused + self.unstored

    def __str__(self) -> str:
        """What is left and why, in one line; empty where nothing is."""
        parts = [
            _count(self.left, "entry waits", "entries wait"),
            _count(self.refused, "entry was refused", "entries were refused"),
            _count(self.unstored, "run lacks its files", "runs lack their files"),
        ]
        named = ", ".join(part for part in parts if part)
        return f"{named}: {self.reason}" if self.reason else named


class Delivery:
    """Sends what is in a spool, in the background; the oldest entries go first."""

    def __init__(self, uri: str, spool: Spool, allowed: Callable[[], bool] = lambda: True) -> None:
        """Prepare; a thread and a process start with the first request.

        `allowed` is asked before each entry whether it may be sent.
        """
        self._uri, self._allowed = uri, allowed
        self._spool = spool
        self._process = SenderProcess(uri)
        # One thread for rounds, which uses others for the entries of one study.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mqn-tracker")
        self._future: Future[str] | None = None
        self._round: Round | None = None
        self._told = Told()
        # Refused entries and missing files of earlier runs are tried once more.
        self._again = True
        self._pause, self._next, self._reason = 0.0, 0.0, ""
        self._quiet, self._asked = threading.Event(), 0.0

    def prepare(self) -> None:
        """Start the process ahead, as its imports take seconds."""
        with contextlib.suppress(OSError):  # The first entry tries again, and says why.
            self._process.start()

    def ask(self) -> None:
        """Start sending, without waiting. A server that is away is left alone for a while."""
        if time.monotonic() >= self._next or self._future is None:
            self._submit()

    def flush(
        self,
        timeout: float,
        *,
        study: str | None = None,
        own: str | None = None,
        sent: Callable[[int], None] | None = None,
    ) -> Backlog:
        """Send everything, refused entries too, and wait for it.

        Args:
            timeout: seconds to wait at most.
            study: of this study alone; None: of all.
            own: while another process sends this study, it is waited for: its round may not see what came last.
            sent: told, from another thread, how many entries were sent or put aside, whenever some were.

        Returns:
            What could not be sent.
        """
        self._again, end = True, time.monotonic() + timeout
        future = self._submit(study, sent)
        try:
            reason = future.result(timeout)
            while self._round is not None and own in self._round.elsewhere and time.monotonic() < end:
                _wait_for_others()
                reason = self._submit(own, sent).result(max(0.0, end - time.monotonic()))
        except TimeoutError:
            reason = redact(f"{self._uri} has not answered for {timeout:g} s")
        backlog = self.backlog(study)
        return dataclasses.replace(backlog, reason=reason) if backlog else backlog

    def backlog(self, study: str | None = None) -> Backlog:
        """What lies in the spool now, of one study or of all."""
        folders = self._spool.studies() if study is None else [self._spool.study_folder(study)]
        return Backlog(
            left=sum(len(self._spool.waiting(folder)) for folder in folders),
            refused=sum(len(self._spool.refused(folder)) for folder in folders),
            unstored=sum(len(self._spool.fileless(folder)) for folder in folders),
        )

    def quiesce(self) -> None:
        """Send nothing until the next entry is logged, so that a measurement is not disturbed.

        Waits for an entry that is being sent, unless the server hangs.
        """
        future, end = self._future, time.monotonic() + _QUIET_LIMIT_SECONDS
        if future is None:
            return
        while not future.done() and time.monotonic() < end:
            moved = self._asked if self._round is None else max(self._asked, self._round.moved)
            left = moved + _QUIET_SECONDS - time.monotonic()
            if left <= 0:
                break
            wait([future], left)
        self._quiet.set()

    def stop(self) -> None:
        """End the thread and the process after their current entry. Other entries stay in the spool."""
        self._quiet.set()
        if self._future is not None:
            self._future.cancel()
        with contextlib.suppress(RuntimeError):  # It was stopped before.
            self._thread.submit(self._process.close)
        self._thread.shutdown(wait=False)

    def _submit(self, study: str | None = None, sent: Callable[[int], None] | None = None) -> Future[str]:
        if self._future is not None and self._future.done():
            # A bug of ours in the thread surfaces in the study's own.
            self._future.result()
        self._quiet.clear()
        self._asked = time.monotonic()
        waits = self._future is not None and not self._future.running() and not self._future.done()
        if self._future is None or not waits or study is not None or sent is not None:
            self._future = self._thread.submit(self._send_all, study, sent)
        return self._future

    def _send_all(self, study: str | None, sent: Callable[[int], None] | None) -> str:
        """Send until nothing is left or the server is away; returns why not everything went, or nothing."""
        again, self._again = self._again, False
        self._round = Round(
            uri=self._uri,
            spool=self._spool,
            attempt=self._process.send,
            told=self._told,
            quiet=self._quiet,
            again=again,
            study=study,
            allowed=self._allowed,
            sent=sent,
        )
        if self._pause and not self._process.answers():
            self._round.away, reason = True, self._reason
        else:
            reason = self._reason = self._round.run()
        if self._round.cut_short:
            self._again = self._again or again
        if self._round.away:
            self._pause = min(max(_FIRST_PAUSE_SECONDS, 2 * self._pause), _LONGEST_PAUSE_SECONDS)
            self._next = time.monotonic() + self._pause
        else:
            self._pause, self._next = 0.0, 0.0
        return reason


def _wait_for_others() -> None:
    time.sleep(_ELSEWHERE_SECONDS)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}" if number else ""
