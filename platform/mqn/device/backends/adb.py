"""A phone, or whatever else runs adbd, through the system's `adb`.

The device must let `shell` in: USB debugging on, this machine's key accepted. Over TCP the serial is `HOST:PORT`, and
is connected by itself.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mqn.device.backends.shell import Shell
from mqn.errors import DeviceAwayError, MissingLibraryError, UsageError

_SERIAL = re.compile(r"[A-Za-z0-9\[][\w.:\[\]-]*")
CONNECT_SECONDS = 20


class AdbShell(Shell):
    """A shell on an adb device, `adb:SERIAL`."""

    kind = "adb"
    refusals = ("unauthorized", "failed to authenticate", "no permissions")

    def __init__(self, serial: str, folder: Path) -> None:
        """Check the serial and the client, and start its server where none runs.

        Args:
            serial: as `adb devices` lists it, or `HOST:PORT`.
            folder: on this machine, for what comes back.

        Raises:
            UsageError: the serial cannot be understood.
            MissingLibraryError: there is no `adb` on this machine, or it cannot start.
        """
        if not _SERIAL.fullmatch(serial):
            raise UsageError(f"adb:{serial} must be adb:SERIAL as 'adb devices' lists it, or adb:HOST:PORT")
        client = shutil.which("adb")
        if client is None:
            raise MissingLibraryError("there is no 'adb' on this machine; install it (Debian: apt install adb)")
        super().__init__(f"adb:{serial}", "/data/local/tmp/mqn-device", folder)
        self._client, self._serial = client, serial
        started = self._call("start-server")
        if started is None or started.returncode != 0:
            words = " ".join(started.stdout.split()) if started else f"no answer in {CONNECT_SECONDS} s"
            raise MissingLibraryError(f"'adb start-server' failed: {words[:300]}")
        self._connect()

    def command(self, script: str) -> Sequence[str]:
        """The local command that runs a script there."""
        return [self._client, "-s", self._serial, "shell", "-T", script]

    def reconnect(self) -> bool:
        """Connect again; a serial without a port has only its cable."""
        if ":" in self._serial:
            self._call("disconnect", self._serial)
        return self._connect()

    def close(self) -> None:
        """Nothing is held: adb's server, which others may use, stays."""

    def _connect(self) -> bool:
        if ":" not in self._serial:
            return False
        done = self._call("connect", self._serial)
        # adb answers 0 to a connection that failed.
        return done is not None and "connected to" in done.stdout

    def _call(self, *words: str) -> subprocess.CompletedProcess[str] | None:
        """Ask the client; None where it gives no answer."""
        try:
            return subprocess.run(
                [self._client, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=CONNECT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        except OSError as error:
            raise DeviceAwayError(f"{self.address}: adb cannot be started: {error.strerror}") from error
