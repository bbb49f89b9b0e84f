"""One try to send one entry; what came of it is a plain value, for the caller is another process."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from pathlib import Path

from mqn.errors import ConfigError, TrackingError
from mqn.parsing import read_json
from mqn.track.connection import answers, away_line, failures, load_mlflow, one_line, unusable_line, worth_another_try
from mqn.track.entries import RunEntry
from mqn.track.sending.files import Unstored
from mqn.track.sending.sender import Sender, ServerAwayError


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an entry. Where nothing else is said, all of it is sent.

    Attributes:
        unstored: the files that could not be stored; the run is logged otherwise.
        refused: why the server did not take it, and will not take it at another try either.
        failed: why it was not sent; another try may succeed.
        away: whether the server does not answer any more.
    """

    unstored: Unstored | None = None
    refused: str = ""
    failed: str = ""
    away: bool = False


class Attempts:
    """Sends entries; from several threads, as long as no two of them send entries of one run."""

    def __init__(self, uri: str) -> None:
        """Make it; nothing is imported and nobody is asked yet."""
        self._uri = uri
        self._sender: Sender | None = None
        self._connecting = threading.Lock()

    def prepare(self) -> None:
        """Import what sending needs, which takes seconds, and connect; an entry tells why where that fails."""
        load_mlflow()
        with contextlib.suppress(TrackingError):
            self._connect()

    def answers(self) -> bool:
        """Whether the server answers at once, whatever it says."""
        return answers(self._uri)

    def send(self, path: Path, stalled: str) -> Outcome:
        """Send an entry, or the files of an entry whose run is logged.

        Args:
            path: the entry in the spool, which stays as it is.
            stalled: why its files are not even tried; empty: they are.
        """
        try:
            return Outcome(unstored=self._send(path, stalled))
        except ServerAwayError as error:
            return Outcome(failed=one_line(error), away=True)
        except (ConfigError, TrackingError) as error:
            return Outcome(refused=one_line(error))
        except failures() as error:
            if not worth_another_try(error):
                return Outcome(refused=one_line(error))
            away = not self.answers()
            return Outcome(failed=away_line(self._uri, error) if away else one_line(error), away=away)

    def _send(self, path: Path, stalled: str) -> Unstored | None:
        entry = read_json(RunEntry, path)
        sender = self._connect()
        call = sender.send_files if path.suffix == ".files" else sender.send
        try:
            return call(entry, stalled)
        except failures() as error:
            # The experiment or run in our memory may be outdated.
            if worth_another_try(error) or not sender.forget(entry.study):
                raise
            return call(entry, stalled)

    def _connect(self) -> Sender:
        with self._connecting:
            if self._sender is None:
                try:
                    self._sender = Sender(self._uri)
                except failures() as error:
                    raise ServerAwayError(unusable_line(self._uri, error)) from error
            return self._sender
