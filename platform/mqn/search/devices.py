"""The devices of a study, open for as long as it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from mqn.device.client import Client
from mqn.device.pool.own_agent import open_device
from mqn.profile import DeviceProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """How a worker reaches a device, and who it is."""

    url: str
    token: str | None
    device_id: str


class Devices:
    """Reaches every device when the study begins, and starts the loopback agent once for all measurements."""

    def __init__(self, devices: Mapping[str, DeviceProfile]) -> None:
        """Remember the profile's devices; nothing is reached yet."""
        self._profiles = dict(devices)
        self._open: dict[str, contextlib.ExitStack] = {}
        self._addresses: dict[str, Address] = {}

    def __enter__(self) -> Self:
        """Reach them all.

        Raises:
            DeviceAwayError: one cannot be reached.
            DeviceRefusedError: one refuses.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            for name in self._profiles:
                self.reopen(name)
            stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def address(self, name: str) -> Address:
        """Where a device is reached now."""
        return self._addresses[name]

    def reopen(self, name: str) -> None:
        """Reach a device again; an agent of our own is stopped and started.

        Raises:
            DeviceAwayError: it cannot be reached.
            DeviceRefusedError: it refuses.
        """
        if name in self._open:
            self._open.pop(name).close()
        stack = contextlib.ExitStack()
        client: Client = stack.enter_context(open_device(name, self._profiles[name]))
        self._open[name] = stack
        self._addresses[name] = Address(url=client.url, token=client.token, device_id=client.info().id)

    def close(self) -> None:
        """Let go of them all, and stop agents of our own."""
        for stack in self._open.values():
            stack.close()
        self._open.clear()
