"""A device that is measured by TensorFlow Lite's own `benchmark_model`, given by the user: the way to GPUs and NNAPI.

The tool prints means and no samples, so every sample is a process of its own that warms up for `warmup_seconds` and
then counts one invocation; two models are run in turns, process by process. So a pass takes about `runs` times
`warmup_seconds`: give `timeout_seconds` for it. `warmup_limit_seconds` is not used, and the processor time is that of
whole processes. The tool tells nothing of outputs: `output_sha256` is empty. Its inputs are random numbers of its own.

Written after the tool's public sources and tried with a script that prints what it documents: no real one was at hand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from mqn.device.backends import benchmark_output as output
from mqn.device.backends import probe
from mqn.device.backends.benchmark_loop import compose_loop, compose_single, read_loop
from mqn.device.backends.device_cache import DeviceCache
from mqn.device.backends.isolation import KillSwitch
from mqn.device.backends.library import read_architecture
from mqn.device.backends.remote_pass import RemoteEnd, remote_isolation, run_remotely
from mqn.device.backends.shell import Shell
from mqn.device.passes import (
    Failure,
    Kind,
    MemoryResult,
    OpResult,
    PassRequest,
    PassResult,
    ProfileResult,
    check_result,
    time_is_up,
)
from mqn.device.wire import Isolation
from mqn.errors import DeviceAwayError, DeviceRefusedError
from mqn.parsing import file_hash
from mqn.records import Delegate, DeviceInfo, MachineState, Verdict

TOOL = "benchmark_model"
HELP_SECONDS = 30.0
METHOD = "benchmark_model: resident peak above that of the started tool"
FLAG_OF: dict[Delegate, str] = {"gpu": "--use_gpu", "nnapi": "--use_nnapi"}


class BenchmarkModelBackend:
    """Runs passes with the user's tool on a device behind a shell (`mqn.device.backends.contract.Backend`)."""

    kinds: frozenset[Kind] = frozenset({"timed", "memory", "profile"})

    def __init__(self, shell: Shell, tool: Path) -> None:
        """Check the tool; nothing is asked of the device yet.

        Args:
            shell: to the device; closed with the backend.
            tool: `benchmark_model`, built for the device.

        Raises:
            DeviceRefusedError: there is no such file.
        """
        if not tool.is_file():
            raise DeviceRefusedError(f"benchmark_model {tool} is no file; build TensorFlow Lite's for the device")
        self._shell, self._cache, self._tool = shell, DeviceCache(shell), tool
        self._tool_hash = file_hash(tool)
        self._info: DeviceInfo | None = None

    def describe(self) -> DeviceInfo:
        """Say who the device is, and what the tool has there.

        Raises:
            DeviceAwayError: it cannot be reached.
            DeviceRefusedError: the tool does not run there.
        """
        info = probe.describe(self._shell)
        if self._info is None or (self._info.id, self._info.kernel) != (info.id, info.kernel):
            self._info = self._ask_tool(info)
        return self._info

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
        """Run one pass: see the contract; nothing is put into `folder`.

        Raises:
            DeviceAwayError: the device cannot be reached, or went away in the middle.
            DeviceRefusedError: the tool lacks the delegate, or says that it was not applied.
        """
        info = self.describe()
        self._refuse_what_is_missing(request, info)
        hashes = {name: file_hash(path) for name, path in files.items()}
        try:
            self._cache.provide({hashes[name]: path for name, path in files.items()} | self._own_files(), switch)
            if request.kind == "timed":
                return self._time(request, hashes, switch)
            texts = []
            for file in request.models[0]:
                end = self._run(compose_single(request, file), hashes, request.settings.timeout_seconds, switch)
                if failure := _find_failure(end, request):
                    return failure
                texts.append(end.output.decode("utf-8", errors="replace"))
        except DeviceAwayError:
            if switch.pulled.is_set():
                return PassResult(failure=Failure(verdict="crashed", reason="cancelled"))
            raise
        self._refuse_unapplied("".join(texts[:1]), request)
        return check_result(_weigh(texts) if request.kind == "memory" else _profile(texts, request), request)

    def close(self) -> None:
        """Let go of the device; files stay in its cache."""
        self._shell.close()

    def _time(self, request: PassRequest, hashes: Mapping[str, str], switch: KillSwitch) -> PassResult:
        before = self.state()
        end = self._run(compose_loop(request), hashes, request.settings.timeout_seconds, switch)
        if failure := _find_failure(end, request):
            return failure
        text = end.output.decode("utf-8", errors="replace")
        self._refuse_unapplied(text, request)
        timed = read_loop(text, request, before, self.state())
        if timed is None:
            return PassResult(failure=_no_sense(request))
        return check_result(PassResult(timed=timed), request)

    def _ask_tool(self, info: DeviceInfo) -> DeviceInfo:
        architecture = read_architecture(self._tool)
        if architecture and architecture != info.architecture:
            raise DeviceRefusedError(
                f"benchmark_model {self._tool} is for {architecture}, and {self._shell.address} is {info.architecture}"
            )
        self._cache.provide(self._own_files())
        # A tool that lists its flags may well call that a failure.
        end = self._run(["sh", "-c", f"./{TOOL} --help 2>&1; true"], {}, HELP_SECONDS, KillSwitch())
        text = end.output.decode("utf-8", errors="replace")
        if "--graph" not in text:
            words = " ".join(text.split())[-200:] or end.ending.description
            raise DeviceRefusedError(
                f"{self._shell.address}: {self._tool} is no benchmark_model that runs there: {words}"
            )
        extra = tuple(delegate for delegate, flag in FLAG_OF.items() if flag in text)
        return dataclasses.replace(
            info, runtime=f"benchmark_model {self._tool_hash[:12]}", delegates=("none", "xnnpack", *extra)
        )

    def _own_files(self) -> dict[str, Path]:
        return {self._tool_hash: self._tool}

    def _run(
        self, command: list[str], hashes: Mapping[str, str], timeout_seconds: float, switch: KillSwitch
    ) -> RemoteEnd:
        links = {TOOL: self._tool_hash, **hashes}
        return run_remotely(self._shell, self._cache, command, links, timeout_seconds, switch)

    def _refuse_what_is_missing(self, request: PassRequest, info: DeviceInfo) -> None:
        delegate, wanted = request.settings.delegate, request.settings.processors
        if delegate not in info.delegates:
            raise DeviceRefusedError(
                f"delegate {delegate!r}: {self._tool} has no {FLAG_OF[delegate]} on {info.id}; "
                f"choose one of {', '.join(info.delegates)}, or build the tool with it"
            )
        if missing := [number for number in wanted if number >= info.cores]:
            raise DeviceRefusedError(
                f"processors {list(wanted)}: {missing} are not there; {info.id} has 0 to {info.cores - 1}"
            )

    def _refuse_unapplied(self, text: str, request: PassRequest) -> None:
        delegate = request.settings.delegate
        if delegate in FLAG_OF and not output.is_applied(text, delegate):
            raise DeviceRefusedError(
                f"{self._shell.address}: benchmark_model did not apply the delegate {delegate!r} to this model; "
                "choose another one"
            )


def _find_failure(end: RemoteEnd, request: PassRequest) -> PassResult | None:
    ending = end.ending
    if ending.timed_out:
        return time_is_up(request)
    if ending.returncode == 0:
        return None
    # The tool leaves with 1 where it does not want the model; a signal is another matter.
    verdict: Verdict = "rejected" if ending.returncode == 1 else "crashed"
    return PassResult(failure=Failure(verdict=verdict, reason=f"the {request.kind} pass: {ending.description}"))


def _weigh(texts: list[str]) -> PassResult:
    """The sum of the parts, each in a process of its own: the tool holds one file at a time."""
    found = [output.read_footprint(text) for text in texts]
    footprints = [footprint for footprint in found if footprint]
    if len(footprints) < len(texts):
        return PassResult(memory=MemoryResult(baseline_mb=None, peak_mb=None, method="none: the tool tells no memory"))
    return PassResult(
        memory=MemoryResult(
            baseline_mb=max(0.0, footprints[0].peak_mb - footprints[0].delta_mb),
            peak_mb=sum(footprint.delta_mb for footprint in footprints),
            method=METHOD,
        )
    )


def _profile(texts: list[str], request: PassRequest) -> PassResult:
    timings = [output.read_timings(text) for text in texts]
    ops = tuple(
        OpResult(part=file.part, index=index, kind=row.kind, delegated=row.delegated, mean_ms=row.mean_ms)
        for file, text in zip(request.models[0], texts, strict=True)
        for index, row in enumerate(output.read_operators(text))
    )
    if not ops or None in timings:
        return PassResult(failure=_no_sense(request))
    total_ms = sum(timing.inference for timing in timings if timing) / 1000
    return PassResult(profile=ProfileResult(runs=request.settings.runs, profiled_ms=total_ms, ops=ops))


def _no_sense(request: PassRequest) -> Failure:
    return Failure(
        verdict="crashed", reason=f"the {request.kind} pass: benchmark_model left no result that makes sense"
    )
