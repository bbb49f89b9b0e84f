"""A device without Python, through a shell: our C runner and LiteRT's library are pushed there, and run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mqn.device.backends import probe
from mqn.device.backends.build import build_runner, find_compiler, find_support
from mqn.device.backends.device_cache import DeviceCache
from mqn.device.backends.isolation import KillSwitch
from mqn.device.backends.library import LOADERS, SUPPORT, find_library
from mqn.device.backends.remote_pass import RemoteEnd, remote_isolation, run_remotely
from mqn.device.backends.shell import Shell
from mqn.device.bench.memory import DUMMY_MODEL
from mqn.device.passes import Failure, Kind, PassRequest, PassResult, parse_result, time_is_up
from mqn.device.wire import Isolation
from mqn.errors import DeviceAwayError, DeviceRefusedError
from mqn.home import home
from mqn.parsing import file_hash
from mqn.records import Delegate, DeviceInfo, MachineState

RUNNER, LIBRARY, DUMMY = "mqn_runner", "libLiteRt.so", "dummy.tflite"
DELEGATES: tuple[Delegate, ...] = ("none", "xnnpack")
CHECK_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kit:
    """What is pushed to a device beside the models: files by their names there, and how to start the runner."""

    files: dict[str, Path]
    hashes: dict[str, str]
    command: tuple[str, ...]
    info: DeviceInfo


class RunnerBackend:
    """Runs passes on a device behind a shell (`mqn.device.backends.contract.Backend`)."""

    kinds: frozenset[Kind] = frozenset({"timed", "memory", "profile"})

    def __init__(self, shell: Shell) -> None:
        """Use a shell; nothing is asked of the device yet.

        Args:
            shell: to the device; closed with the backend.
        """
        self._shell, self._cache = shell, DeviceCache(shell)
        self._kit: _Kit | None = None

    def describe(self) -> DeviceInfo:
        """Say who the device is, and see to it that the runner runs there.

        Raises:
            DeviceAwayError: it cannot be reached.
            DeviceRefusedError: no compiler or no library for it, no space, a kernel that does not start the runner.
        """
        return self._equip().info

    def state(self) -> MachineState:
        """Read how busy, fast and warm it is, and its battery.

        Raises:
            DeviceAwayError: it cannot be reached.
        """
        return probe.read_state(self._shell)

    def isolation(self) -> Isolation:
        """Say what passes are kept from there."""
        return remote_isolation(self._shell.kind)

    def run(self, request: PassRequest, files: Mapping[str, Path], folder: Path, switch: KillSwitch) -> PassResult:  # noqa: ARG002
        """Run one pass on the device: see the contract; nothing is put into `folder`.

        Raises:
            DeviceAwayError: the device cannot be reached, or went away in the middle.
            DeviceRefusedError: it lacks the delegate or a processor that is asked for, or space.
        """
        kit = self._equip()
        _refuse_what_is_missing(request, kit.info)
        hashes = {name: file_hash(path) for name, path in files.items()}
        try:
            self._cache.provide({hashes[name]: path for name, path in files.items()} | _by_hash(kit), switch)
            end = self._run(kit, _compose(request), hashes, request.settings.timeout_seconds, switch)
        except DeviceAwayError:
            if switch.pulled.is_set():
                return PassResult(failure=Failure(verdict="crashed", reason="cancelled"))
            raise
        return _judge(end, request)

    def close(self) -> None:
        """Let go of the device; files stay in its cache."""
        self._shell.close()

    def _equip(self) -> _Kit:
        info = probe.describe(self._shell)
        # Another device may answer at the same address by now.
        if self._kit is None or (self._kit.info.id, self._kit.info.kernel) != (info.id, info.kernel):
            self._kit = self._try_kits(info)
        return self._kit

    def _try_kits(self, info: DeviceInfo) -> _Kit:
        compiler = find_compiler(info.architecture)
        library = find_library(info.architecture)
        dummy = home() / "cache" / "runner" / DUMMY
        runner = build_runner(info.architecture, compiler)
        dummy.write_bytes(DUMMY_MODEL)
        files = {RUNNER: runner, LIBRARY: library.path, DUMMY: dummy}
        info = dataclasses.replace(info, runtime=library.runtime, delegates=DELEGATES)
        words = ""
        for support in ({}, find_support(compiler, (LOADERS[info.architecture], *SUPPORT))):
            start = (f"./{LOADERS[info.architecture]}", "--library-path", ".") if support else ()
            together = files | support
            kit = _Kit(
                files=together,
                hashes={name: file_hash(path) for name, path in together.items()},
                command=(*start, f"./{RUNNER}", f"library=./{LIBRARY}"),
                info=info,
            )
            self._cache.provide(_by_hash(kit))
            end = self._run(kit, ["kind=check"], {}, CHECK_SECONDS, KillSwitch())
            if end.ending.returncode == 0:
                return kit
            words = end.ending.description
            if compiler.bionic:
                break
        raise DeviceRefusedError(f"{self._shell.address} does not start the runner: {words}")

    def _run(
        self, kit: _Kit, words: list[str], hashes: Mapping[str, str], timeout_seconds: float, switch: KillSwitch
    ) -> RemoteEnd:
        links = {**kit.hashes, **hashes}
        return run_remotely(self._shell, self._cache, [*kit.command, *words], links, timeout_seconds, switch)


def _by_hash(kit: _Kit) -> dict[str, Path]:
    return {kit.hashes[name]: path for name, path in kit.files.items()}


def _refuse_what_is_missing(request: PassRequest, info: DeviceInfo) -> None:
    delegate, wanted = request.settings.delegate, request.settings.processors
    if delegate not in info.delegates:
        raise DeviceRefusedError(
            f"delegate {delegate!r}: our runner has {', '.join(info.delegates)} only; choose one of them, or name a "
            "benchmark_model for the device, which has gpu and nnapi"
        )
    missing = [number for number in wanted if number >= info.cores]
    if missing:
        raise DeviceRefusedError(
            f"processors {list(wanted)}: {missing} are not there; {info.id} has 0 to {info.cores - 1}"
        )


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


def _judge(end: RemoteEnd, request: PassRequest) -> PassResult:
    if end.ending.timed_out:
        return time_is_up(request)
    if end.ending.returncode != 0:
        return PassResult(
            failure=Failure(verdict="crashed", reason=f"the {request.kind} pass: {end.ending.description}")
        )
    result = parse_result(end.output, request)
    if result.failure is not None and end.ending.last_words.startswith("ERROR"):
        reason = f"{result.failure.reason} ({end.ending.last_words[:300]})"
        return PassResult(failure=dataclasses.replace(result.failure, reason=reason))
    return result
