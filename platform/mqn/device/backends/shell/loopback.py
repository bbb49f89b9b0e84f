"""This machine through a shell, as if it were another one: for tests, and to try the runner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mqn.device.backends.shell.shell import Shell, quote


class HereShell(Shell):
    """A shell on this machine."""

    kind = "here"

    def __init__(self, home: Path, folder: Path, prefix: Sequence[str] = ()) -> None:
        """Work in `home`; a prefix is a command that runs another: `chroot FOLDER`, for example."""
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
