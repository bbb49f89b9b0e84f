"""Opens the backend for an address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mqn.device.backends.contract import Backend
from mqn.device.backends.local.backend import LocalBackend
from mqn.device.backends.shell.adb import AdbShell
from mqn.device.backends.shell.backend import RunnerBackend
from mqn.device.backends.shell.benchmark_model import BenchmarkModelBackend
from mqn.device.backends.shell.shell import Shell
from mqn.device.backends.shell.ssh import SshShell
from mqn.errors import DeviceRefusedError, UsageError
from mqn.profile import BACKENDS, OWN_DEVICES

LOCAL = "local"
SHELLS: dict[str, Callable[[str, Path], Shell]] = {"adb": AdbShell, "ssh": SshShell}


def open_backend(address: str, *, folder: Path, benchmark_model: Path | None = None) -> Backend:
    """Open a backend; the device itself is first asked when something is wanted of it.

    Args:
        address: `local`, `adb:SERIAL`, or `ssh:[USER@]HOST[:PORT]`.
        folder: on this machine, for what is on its way; must exist.
        benchmark_model: TensorFlow Lite's tool for the device, in place of our runner.

    Raises:
        UsageError: the address cannot be understood, or the tool is given for this machine.
        MissingLibraryError: this machine lacks `adb` or `ssh`.
        DeviceRefusedError: there is no such tool.
    """
    if address == LOCAL:
        if benchmark_model is not None:
            raise UsageError(f"benchmark_model is for {OWN_DEVICES}; 'local' runs LiteRT itself")
        return LocalBackend()
    scheme, _, target = address.partition(":")
    if scheme not in SHELLS or not target:
        raise UsageError(f"backend {address!r} must be {', '.join((LOCAL, *BACKENDS.values()))}")
    shell = SHELLS[scheme](target, folder)
    try:
        return RunnerBackend(shell) if benchmark_model is None else BenchmarkModelBackend(shell, benchmark_model)
    except DeviceRefusedError:
        shell.close()
        raise
