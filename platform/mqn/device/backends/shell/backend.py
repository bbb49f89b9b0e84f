"""Devices behind a shell: a base for their backends, and the one that pushes and runs our C runner."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.backends.shell import probe
from mqn.device.backends.shell.device_cache import DeviceCache
from mqn.device.backends.shell.litert_library import LOADERS, SUPPORT, find_library
from mqn.device.backends.shell.remote_pass import RemoteEnd, remote_isolation, run_remotely
from mqn.device.backends.shell.runner_build import build_runner, find_compiler, find_support
from mqn.device.backends.shell.shell import Shell
from mqn.device.bench.memory import DUMMY_MODEL
from mqn.device.passes import Failure, Kind, PassRequest, PassResult, parse_result
from mqn.device.wire import Isolation
from mqn.errors import DeviceAwayError, DeviceRefusedError
from mqn.home import home
from mqn.parsing import file_hash
from mqn.records import Delegate, DeviceInfo, MachineState

RUNNER, LIBRARY, DUMMY = "mqn_runner", "libLiteRt.so", "dummy.tflite"
DELEGATES: tuple[Delegate, ...] = ("none", "xnnpack")
CHECK_SECONDS = 60.0


class ShellBackend(ABC):
    """A device behind a shell (`mqn.device.backends.contract.Backend`), whatever program runs the passes there."""

    kinds: frozenset[Kind] = frozenset({"timed", "memory", "profile"})
    advice: str
    """How to get a delegate that the program lacks."""

    def __init__(self, shell: Shell) -> None:
        """Use a shell; nothing is asked of the device yet.

        Args:
            shell: to the device; closed with the backend.
        """
        self._shell, self._cache = shell, DeviceCache(shell)
        self._info: DeviceInfo | None = None
        self._links: dict[str, str] = {}

    def describe(self) -> DeviceInfo:
        """Say who the device is, and put the program there; see the contract.

        Raises:
            DeviceAwayError: it cannot be reached.
            DeviceRefusedError: the program cannot be had for it, finds no space, or does not start there.
        """
        info = probe.describe(self._shell)
        # Another device may answer at the same address by now.
        if self._info is None or (self._info.id, self._info.kernel) != (info.id, info.kernel):
            self._info = None
            self._info = self._equip(info)
        return self._info

    def state(self) -> MachineState:
        """See the contract."""
        return probe.read_state(self._shell)

    def isolation(self) -> Isolation:
        """See the contract."""
        return remote_isolation(self._shell.kind)

    def run(self, request: PassRequest, files: Mapping[str, Path], folder: Path, switch: KillSwitch) -> PassResult:  # noqa: ARG002
        """See the contract; nothing is put into `folder`."""
        self._refuse_what_is_missing(request, self.describe())
        hashes = {name: file_hash(path) for name, path in files.items()}
        own = {self._links[name]: path for name, path in self._own_files().items()}
        try:
            self._cache.provide({hashes[name]: path for name, path in files.items()} | own, switch)
            return self._pass(request, hashes, switch)
        except DeviceAwayError:
            if switch.pulled.is_set():
                return PassResult(failure=Failure(verdict="crashed", reason="cancelled"))
            raise

    def close(self) -> None:
        """Let go of the device; files stay in its cache."""
        self._shell.close()

    @abstractmethod
    def _equip(self, info: DeviceInfo) -> DeviceInfo:
        """Find out what of the program runs on a device; returns what is known of it then."""

    @abstractmethod
    def _own_files(self) -> dict[str, Path]:
        """What is pushed beside the models, by its name there."""

    @abstractmethod
    def _pass(self, request: PassRequest, hashes: Mapping[str, str], switch: KillSwitch) -> PassResult:
        """Run one pass; all files are there already."""

    def _try(self, command: list[str], timeout_seconds: float) -> RemoteEnd:
        """Push the program's own files, and run a command beside them."""
        own = self._own_files()
        self._links = {name: file_hash(path) for name, path in own.items()}
        self._cache.provide({self._links[name]: path for name, path in own.items()})
        return self._run(command, timeout_seconds, {}, KillSwitch())

    def _run(
        self, command: list[str], timeout_seconds: float, hashes: Mapping[str, str], switch: KillSwitch
    ) -> RemoteEnd:
        return run_remotely(self._shell, self._cache, command, {**self._links, **hashes}, timeout_seconds, switch)

    def _refuse_what_is_missing(self, request: PassRequest, info: DeviceInfo) -> None:
        delegate, wanted = request.settings.delegate, request.settings.processors
        if delegate not in info.delegates:
            raise DeviceRefusedError(
                f"delegate {delegate!r}: {info.id} has {', '.join(info.delegates)} only; choose one of them, or "
                f"{self.advice}"
            )
        if missing := [number for number in wanted if number >= info.cores]:
            raise DeviceRefusedError(
                f"processors {list(wanted)}: {missing} are not there; {info.id} has 0 to {info.cores - 1}"
            )


class RunnerBackend(ShellBackend):
    """Runs passes with our C runner and LiteRT's library."""

    advice = "name a benchmark_model for the device, which has gpu and nnapi"

    def __init__(self, shell: Shell) -> None:
        """See `ShellBackend`."""
        super().__init__(shell)
        self._files: dict[str, Path] = {}
        self._command: tuple[str, ...] = ()

    def _equip(self, info: DeviceInfo) -> DeviceInfo:
        compiler = find_compiler(info.architecture)
        library = find_library(info.architecture)
        dummy = home() / "cache" / "runner" / DUMMY
        runner = build_runner(info.architecture, compiler)
        dummy.write_bytes(DUMMY_MODEL)
        words = ""
        for support in ({}, find_support(compiler, (LOADERS[info.architecture], *SUPPORT))):
            start = (f"./{LOADERS[info.architecture]}", "--library-path", ".") if support else ()
            self._files = {RUNNER: runner, LIBRARY: library.path, DUMMY: dummy, **support}
            self._command = (*start, f"./{RUNNER}", f"library=./{LIBRARY}")
            ending = self._try([*self._command, "kind=check"], CHECK_SECONDS).ending
            if ending.returncode == 0:
                return dataclasses.replace(info, runtime=library.runtime, delegates=DELEGATES)
            words = ending.description
            if compiler.bionic:
                break
        raise DeviceRefusedError(f"{self._shell.address} does not start the runner: {words}")

    def _own_files(self) -> dict[str, Path]:
        return self._files

    def _pass(self, request: PassRequest, hashes: Mapping[str, str], switch: KillSwitch) -> PassResult:
        command = [*self._command, *_compose(request)]
        end = self._run(command, request.settings.timeout_seconds, hashes, switch)
        if failure := end.ending.failure(request):
            return failure
        result = parse_result(end.output, request)
        if result.failure is not None and end.ending.last_words.startswith("ERROR"):
            reason = f"{result.failure.reason} ({end.ending.last_words[:300]})"
            return PassResult(failure=dataclasses.replace(result.failure, reason=reason))
        return result


def _compose(request: PassRequest) -> list[str]:
    """The runner's command line (`runner/mqn_runner.c`)."""
    settings = request.settings
    fields = {
        "kind": request.kind,
        "delegate": settings.delegate,
        "threads": settings.threads,
        "processors": ",".join(map(str, settings.processors)),
        "runs": settings.runs,
        "seconds": settings.seconds,
        "warmup_seconds": settings.warmup_seconds,
        "warmup_limit_seconds": settings.warmup_limit_seconds,
        "memory_limit_mb": settings.memory_limit_mb,
        # One second more than the wall clock could allow: that limit comes first and says "timeout".
        "cpu_limit_seconds": math.ceil(settings.timeout_seconds) * settings.threads + 1,
        "swapped": int(request.swapped),
        "dummy": DUMMY,
    }
    models = [f"model={','.join(f'{file.part}:{file.name}' for file in model)}" for model in request.models]
    return [f"{name}={value}" for name, value in fields.items()] + models
