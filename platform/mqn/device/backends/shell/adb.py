"""A phone, or whatever else runs adbd, through the system's `adb`.

The device must let `shell` in: USB debugging on, this machine's key accepted. Over TCP the serial is `HOST:PORT`, and
is connected by itself. A serial is whatever `adb devices` lists: a manufacturer's number, an emulator's name, the name
that a phone announces on the network, with blanks and parentheses where two phones announce the same one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mqn.device.backends.shell.shell import Shell
from mqn.errors import DeviceAwayError, MissingLibraryError, UsageError

# Over TCP: adb connects to it by itself. What stands before a port is a name, an address, or one of IPv6 in brackets.
_NETWORK = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[\w.-]+):[0-9]{1,5}", re.ASCII)
_TRANSPORT = re.compile(r"transport_id:([0-9]+)", re.ASCII)
# No option of adb's, no blank at the ends, and nothing that a shell reads but parentheses and blanks. No shell of this
# machine reads it, for it is an argument of its own; whoever copies it from a message may have one that does.
_SERIAL = re.compile(r"[\w\[(][\w .:%+@,/#=()\[\]-]{0,254}(?<! )")
CONNECT_SECONDS = 20


class AdbShell(Shell):
    """A shell on an adb device, `adb:SERIAL`."""

    kind = "adb"
    refusals = ("unauthorized", "failed to authenticate", "no permissions")

    def __init__(self, serial: str, folder: Path) -> None:
        """Check serial and client, and start its server where none runs; `folder` is for what comes back.

        Raises:
            UsageError: the serial is none as `adb devices` lists it, no `HOST:PORT`, and no `transport_id:N`.
            MissingLibraryError: there is no `adb` on this machine, or it cannot start.
        """
        if not _SERIAL.fullmatch(serial):
            raise UsageError(f"adb:{serial[:300]} must be adb:SERIAL as 'adb devices' lists it, or adb:HOST:PORT")
        transport = _TRANSPORT.fullmatch(serial)
        client = shutil.which("adb")
        if client is None:
            raise MissingLibraryError("there is no 'adb' on this machine; install it (Debian: apt install adb)")
        super().__init__(f"adb:{serial}", "/data/local/tmp/mqn-device", folder)
        self._client, self._serial = client, serial
        self._choice = ("-t", transport[1]) if transport else ("-s", serial)
        self._over_network = not transport and _NETWORK.fullmatch(serial) is not None
        started = self._call("start-server")
        if started is None or started.returncode != 0:
            words = " ".join(started.stdout.split()) if started else f"no answer in {CONNECT_SECONDS} s"
            raise MissingLibraryError(f"'adb start-server' failed: {words[:300]}")
        self._connect()

    def command(self, script: str) -> Sequence[str]:
        """The local command that runs a script there."""
        return [self._client, *self._choice, "shell", "-T", script]

    def reconnect(self) -> bool:
        """Connect again; a serial without a port has only its cable."""
        if self._over_network:
            self._call("disconnect", self._serial)
        return self._connect()

    def close(self) -> None:
        """Nothing is held: adb's server, which others may use, stays."""

    def _connect(self) -> bool:
        if not self._over_network:
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
