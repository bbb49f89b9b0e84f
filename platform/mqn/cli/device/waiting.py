"""What a command says on stderr while it waits for a device."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mqn.cli import output

if TYPE_CHECKING:
    from rich.status import Status


class Wait:
    """Says whose turn it is and what runs: a line that changes on a terminal; elsewhere only how long the queue is."""

    def __init__(self, device: str, status: Status | None = None) -> None:
        """Use `waiting`."""
        self.what = ""
        self._device, self._status = device, status

    def begin(self, what: str) -> None:
        """Another job comes next."""
        self.what = what
        self._change(f"{self._device}: {what}")

    def turn(self, ahead: int) -> None:
        """Told how many hold the device before us."""
        if ahead:
            text = f"{self._device}: {ahead} {'holds' if ahead == 1 else 'hold'} it before us"
            self._change(text)
            if self._status is None:
                output.note(text)

    def state(self, state: str) -> None:
        """Told whenever a job's state changes."""
        self._change(f"{self._device}: {self.what}, {state}")

    def _change(self, text: str) -> None:
        if self._status is not None:
            self._status.update(text)


@contextmanager
def waiting(device: str) -> Iterator[Wait]:
    """Yield what reports on stderr how the work on a device (as the user calls it) goes."""
    if not sys.stderr.isatty():
        yield Wait(device)
        return
    with output.spinner(f"{device}: reaching it") as status:
        yield Wait(device, status)
