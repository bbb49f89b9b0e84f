"""The thread that carries entries from the spool to the tracking server, so that a study does not wait for it."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mqn.errors import ConfigError, TrackingError
from mqn.redaction import quiet_logger
from mqn.track.connection import failures, one_line, worth_another_try
from mqn.track.sender import Sender
from mqn.track.spool import Spool

_log = quiet_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What the tracking server has not taken.

    Attributes:
        left: entries that wait in the spool, of all studies.
        refused: entries that the server will never take; they lie in the spool as `*.refused`.
        reason: why the last try failed; empty where it did not.
    """

    left: int = 0
    refused: int = 0
    reason: str = ""


class Delivery:
    """Empties a spool in the background, whenever it is asked to; what was left behind goes first."""

    def __init__(self, uri: str, spool: Spool) -> None:
        """Prepare; the thread starts, and MLflow is imported, with the first request.

        Args:
            uri: the tracking URI.
            spool: what to send.
        """
        self._uri = uri
        self._spool = spool
        self._sender: Sender | None = None
        # One thread: entries go in order, and the sender is only ever used there.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mqn-tracker")
        self._round: Future[str] | None = None
        self._reason = ""

    def ask(self) -> Future[str]:
        """Have everything sent that lies in the spool now; does not wait.

        Returns:
            Why not everything went, or nothing.
        """
        if self._round is not None and self._round.done():
            # A bug of ours in the thread surfaces in the study's own.
            self._round.result()
        if self._round is None or self._round.running() or self._round.done():
            self._round = self._thread.submit(self._send_all)
        return self._round

    def flush(self, timeout: float) -> Backlog:
        """Have everything sent and wait for it.

        Args:
            timeout: seconds to wait at most.

        Returns:
            What could not be sent.
        """
        try:
            reason = self.ask().result(timeout)
        except TimeoutError:
            reason = f"{self._uri} has not answered for {timeout:g} s"
        left = self._spool.left
        return Backlog(left=left, refused=len(self._spool.refused), reason=reason if left else "")

    def stop(self) -> None:
        """End the thread when it has done what it is at. What is not sent stays in the spool."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _send_all(self) -> str:
        """Send until nothing is left or the server is away; returns why not everything went, or nothing."""
        for folder in self._spool.studies():
            with self._spool.sending(folder) as ours:
                reason = self._send_folder(folder) if ours else "another process is sending"
            if reason:
                break
        else:
            reason = ""
        if reason and not self._reason:
            _log.warning("tracking is behind, entries wait in the spool: %s", reason)
        self._reason = reason
        return reason

    def _send_folder(self, folder: Path) -> str:
        for path in self._spool.waiting(folder):
            begun = time.perf_counter()
            try:
                if self._sender is None:
                    self._sender = Sender(self._uri)
                self._sender.send(self._spool.read(path))
            except (ConfigError, TrackingError) as error:
                self._refuse(path, error)
            except failures() as error:
                if worth_another_try(error):
                    return one_line(error)
                self._refuse(path, error)
            else:
                self._spool.remove(path)
                _log.debug("sent %s in %.0f ms", path.stem, 1000 * (time.perf_counter() - begun))
        return ""

    def _refuse(self, path: Path, error: Exception) -> None:
        _log.error("%s cannot be tracked by %s and is put aside: %s", path, self._uri, one_line(error))
        self._spool.refuse(path)
