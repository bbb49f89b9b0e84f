"""This machine as if it were another one: the same scripts, no network. For tests, and to try a runner at home."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mqn.device.backends.shell import Shell, quote


class HereShell(Shell):
    """A shell on this machine."""

    kind = "here"

    def __init__(self, home: Path, folder: Path, prefix: Sequence[str] = ()) -> None:
        """Remember where to work.

        Args:
            home: folder to work in.
            folder: for what comes back.
            prefix: a command that runs another: `chroot FOLDER`, for example.
        """
        super().__init__("here", quote(str(home)), folder)
        self._prefix = tuple(prefix)

    def command(self, script: str) -> Sequence[str]:
        """The local command that runs a script."""
        return [*self._prefix, "sh", "-c", script]

    def reconnect(self) -> bool:
        """There is no connection to lose."""
        return False

    def close(self) -> None:
        """Nothing is held."""
