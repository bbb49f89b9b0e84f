"""What sends entries, in the test's own process: its parts can be replaced, and no test waits for another import."""

from __future__ import annotations

from mqn.track.sending.attempts import Attempts


class NearSender(Attempts):
    """`SenderProcess` without the process."""

    def start(self) -> None:
        """Nothing has to be started."""

    def close(self) -> None:
        """Nothing has to end."""
