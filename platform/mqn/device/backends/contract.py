"""The contract of backends, whatever they drive: this machine, a phone behind adb, a board behind SSH."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.passes import Kind, PassRequest, PassResult
from mqn.device.wire import Isolation
from mqn.records import DeviceInfo, MachineState


class Backend(Protocol):
    """Runs passes on one device, one at a time. `mqn.device.session` makes measurements of them."""

    kinds: frozenset[Kind]
    """The passes that it has."""

    def describe(self) -> DeviceInfo:
        """Say who the device is.

        Raises:
            DeviceAwayError: it cannot be reached.
            DeviceRefusedError: it was reached, and nothing can be measured there; says what is missing.
        """

    def state(self) -> MachineState:
        """Read how busy, fast and warm it is, and its battery.

        Raises:
            DeviceAwayError: it cannot be reached.
        """

    def isolation(self) -> Isolation:
        """Say what passes are kept from, as far as it is known."""

    def run(self, request: PassRequest, files: Mapping[str, Path], folder: Path, switch: KillSwitch) -> PassResult:
        """Run one pass in a fresh process on the device, with limits on memory, processor time and wall time.

        Args:
            request: what to do.
            files: where each file of the request lies on this machine, by its name in the request.
            folder: an empty folder on this machine to work in; the caller removes it.
            switch: ends the pass early from another thread; the result then means nothing.

        Returns:
            What came of it. A model that crashes, hangs or eats memory is a result, and so is a process that answers
            nonsense: it ran an untrusted model, so its answer is checked. Nothing of the pass is left
            running or lying on the device.

        Raises:
            DeviceAwayError: the device cannot be reached, or went away in the middle.
            DeviceRefusedError: it lacks what the request asks for: a delegate, a kind of pass.
        """

    def close(self) -> None:
        """Let go of the device; what was put there for later passes may stay in its cache."""
