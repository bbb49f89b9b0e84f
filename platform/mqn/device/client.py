"""The client of one agent: identity, state, uploads and leases."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from mqn.device import lease, wire
from mqn.device.connection import Connection
from mqn.device.uploads import send_files
from mqn.errors import ModelFileError
from mqn.parsing import file_hash
from mqn.records import DeviceInfo, MachineState


class Client:
    """One agent.

    Methods raise a `DeviceAwayError` where it cannot be reached or its disk is full, else a `DeviceRefusedError`.
    """

    def __init__(self, url: str, token: str | None = None, *, ca: Path | None = None, **options: Any) -> None:
        """Remember whom to speak to; nothing is sent yet.

        Args:
            url: the agent's address, for example `https://192.168.1.20:8765`.
            token: what it wants to be shown.
            ca: certificate that the agent's own is signed by; None: the system's.
            options: patience and transport (`mqn.device.connection.Connection`).

        Raises:
            DeviceRefusedError: the address is not valid, or the token would travel in clear.
        """
        self.url = url.rstrip("/")
        self.token = token
        self._connection = Connection(url, token, ca=ca, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._connection.close()

    def info(self) -> DeviceInfo:
        """Ask who the device is."""
        return self._connection.read(DeviceInfo, self._connection.send("GET", wire.DEVICE))

    def state(self) -> MachineState:
        """Ask how busy, fast and warm the device is now, and for its battery; raises as `info` does."""
        return self._connection.read(MachineState, self._connection.send("GET", wire.STATE))

    def isolation(self) -> wire.Isolation:
        """Ask what passes are isolated from there, since they run untrusted models; raises as `info` does.

        Returns:
            No guards where the agent is of an earlier version, which does not say.
        """
        answer = self._connection.send("GET", wire.ISOLATION, allow=(404,))
        if answer.status_code == 404:
            return wire.Isolation(guards=())
        return self._connection.read(wire.Isolation, answer)

    def send(self, files: Sequence[Path]) -> None:
        """Send files ahead, so that the device is not held while they travel.

        Raises:
            DeviceAwayError: the agent cannot be reached, or its disk is full.
            DeviceRefusedError: it refuses: token, size.
            ModelFileError: a file cannot be read.
        """
        try:
            by_hash = {file_hash(file): file for file in files}
        except OSError as error:
            raise ModelFileError(f"cannot read {error.filename}: {error.strerror}") from error
        send_files(self._connection, by_hash)

    def lease(
        self, holder: str, *, ttl_seconds: float = lease.TTL_SECONDS, on_wait: lease.OnWait | None = None
    ) -> AbstractContextManager[lease.HeldLease]:
        """Have the device alone: waits for the turn, gives signs of life, gives it back at the end.

        Args:
            holder: who asks (`mqn.device.lease.name_holder`); holders take turns, however many leases each asks for.
            ttl_seconds: how long the lease lives without a sign of life.
            on_wait: told how many come before, whenever that changes.

        Returns:
            A context manager that yields the lease; entering it raises as `info` does.
        """
        return lease.hold(self._connection, holder, ttl_seconds=ttl_seconds, on_wait=on_wait)
