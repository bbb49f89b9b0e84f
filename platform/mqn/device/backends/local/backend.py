"""This machine, through LiteRT in a subprocess."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Mapping
from pathlib import Path

from mqn.device import machine
from mqn.device.backends.local.confinement import confinement
from mqn.device.backends.local.isolation import KillSwitch, run_isolated
from mqn.device.passes import (
    MAX_RESULT_BYTES,
    REQUEST_FILE,
    RESULT_FILE,
    Kind,
    PassRequest,
    PassResult,
    parse_result,
)
from mqn.device.wire import Isolation
from mqn.errors import DeviceRefusedError
from mqn.parsing import write_json
from mqn.records import DeviceInfo, MachineState


class LocalBackend:
    """Runs passes on this machine (`mqn.device.backends.contract.Backend`)."""

    kinds: frozenset[Kind] = frozenset({"timed", "memory", "profile"})

    def __init__(self) -> None:
        """Begin to find out how passes are shut in here, so that the first need not wait for it."""
        threading.Thread(target=confinement, name="confinement", daemon=True).start()

    def describe(self) -> DeviceInfo:
        """Say who this machine is."""
        return machine.describe()

    def state(self) -> MachineState:
        """Read how busy, fast and warm this machine is, and its battery."""
        return machine.read_state(machine.affinity())

    def isolation(self) -> Isolation:
        """Say what passes are kept from on this machine."""
        return confinement().describe()

    def run(self, request: PassRequest, files: Mapping[str, Path], folder: Path, switch: KillSwitch) -> PassResult:
        """Run one pass in a subprocess: see the contract."""
        _refuse_what_is_missing(request)
        for name, path in files.items():
            # A copy: a pass may write to what lies in its folder, and the store keeps what was sent.
            shutil.copyfile(path, folder / name)
        write_json(folder / REQUEST_FILE, request)
        ending = run_isolated(folder, request.settings.timeout_seconds, switch, threads=request.settings.threads)
        return ending.failure(request) or parse_result(_read(folder / RESULT_FILE), request)

    def close(self) -> None:
        """Nothing is held between passes."""


def _refuse_what_is_missing(request: PassRequest) -> None:
    delegate, wanted, here = request.settings.delegate, request.settings.processors, machine.affinity()
    if delegate not in machine.DELEGATES:
        raise DeviceRefusedError(
            f"delegate {delegate!r} is not to be had on this machine; choose one of {', '.join(machine.DELEGATES)}"
        )
    missing = sorted(set(wanted) - set(here))
    if missing:
        raise DeviceRefusedError(
            f"processors {list(wanted)}: {missing} may not be used here; choose from {list(here)}, or leave it empty"
        )


def _read(path: Path) -> bytes:
    """Read a result; a pass with an untrusted model wrote it, so it must be a plain file of a sane size."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with open(descriptor, "rb") as stream:  # noqa: PTH123  (a descriptor, not a path)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_RESULT_BYTES:
            return b""
        return stream.read(MAX_RESULT_BYTES)
