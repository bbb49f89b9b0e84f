"""EXPERIMENTAL: a device measured by TensorFlow Lite's own `benchmark_model`, given by the user: for GPUs and NNAPI.

Written after the tool's public sources up to 2025 (tensorflow/lite/tools/benchmark and /profiling), and tried only with
a script that prints what these print. A line that is missing gives None, never a guess.

The tool prints means and no samples, so every sample is a process of its own that warms up for `warmup_seconds` and
then counts one invocation; two models run in turns, process by process. So a pass takes about `runs` times
`warmup_seconds`: give `timeout_seconds` for it. `warmup_limit_seconds` is not used, and the processor time is that of
whole processes. The tool tells nothing of outputs: `output_sha256` is empty. Its inputs are random numbers of its own.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mqn.device import passes
from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.backends.shell.backend import ShellBackend
from mqn.device.backends.shell.litert_library import read_architecture
from mqn.device.backends.shell.shell import Shell, quote
from mqn.device.passes import PassFile, PassRequest
from mqn.device.wire import Part
from mqn.errors import DeviceRefusedError
from mqn.parsing import file_hash
from mqn.records import Delegate, Delegation, DeviceInfo, MachineState

TOOL, HELP_SECONDS = "benchmark_model", 30.0
METHOD = "benchmark_model: resident peak above that of the started tool"
# Space for the tool and the runtime themselves, as address space; GPU drivers map far more than they use.
TOOL_SPACE_MB = 512
TICKS_PER_SECOND, MB_OF_TOOL = 100, 1024 * 1024 / 1e6

_FLAGS: dict[Delegate, str] = {
    "none": "--use_xnnpack=false",
    "xnnpack": "--use_xnnpack=true",
    "gpu": "--use_gpu=true",
    "nnapi": "--use_nnapi=true",
}
_OPTIONAL: tuple[Delegate, ...] = ("gpu", "nnapi")
# A delegate's name when it is applied, and that of its nodes.
_NAMES: dict[Delegate, tuple[str, str]] = {
    "xnnpack": ("XNNPACK", "TfLiteXNNPackDelegate"),
    "gpu": ("GPU", "TfLiteGpuDelegate"),
    "nnapi": ("NNAPI", "TfLiteNnapiDelegate"),
}
_NUMBER = r"([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)(?![\w.])"
_TIMINGS = rf"Init: {_NUMBER}, First inference: {_NUMBER}, Warmup \(avg\): {_NUMBER}, Inference \(avg\): {_NUMBER}"
_PEAK = rf"Overall peak memory footprint \(MB\) via periodic monitoring: {_NUMBER}"
_DELTA = rf"Memory footprint delta from the start of the tool \(MB\): init=\S+ overall={_NUMBER}"
_APPLIED = (
    r"Explicitly applied (\w+) delegate, and the model graph will be (?:completely|partially) "
    r"executed by the delegate(?: w/ (\d+) delegate kernels)?"
)
_REPLACED = r"Replacing (\d+) out of (\d+) node\(s\) with delegate \((\w+)\) node"
_SHELL_TIMES = r"(\d+)m([\d.]+)s (\d+)m([\d.]+)s"


class BenchmarkModelBackend(ShellBackend):
    """Runs passes with the user's tool."""

    advice = "build the tool with it"

    def __init__(self, shell: Shell, tool: Path) -> None:
        """Take a tool that was built for the device (`DeviceRefusedError` where it is no file); ask nothing yet."""
        if not tool.is_file():
            raise DeviceRefusedError(f"benchmark_model {tool} is no file; build TensorFlow Lite's for the device")
        super().__init__(shell)
        self._tool = tool

    def _own_files(self) -> dict[str, Path]:
        return {TOOL: self._tool}

    def _pass(self, request: PassRequest, hashes: Mapping[str, str], switch: KillSwitch) -> passes.PassResult:
        texts, before, timed = [], self.state(), request.kind == "timed"
        for command in [compose_loop(request)] if timed else [compose_single(request, f) for f in request.models[0]]:
            end = self._run(command, request.settings.timeout_seconds, hashes, switch)
            # The tool leaves with 1 where it does not want the model; a signal is another matter.
            if failure := end.ending.failure(request, rejected_code=1):
                return failure
            texts.append(end.output.decode("utf-8", errors="replace"))
        delegate = request.settings.delegate
        if delegate in _OPTIONAL and not find_applied(texts[0], delegate):
            raise DeviceRefusedError(
                f"{self._shell.address}: benchmark_model did not apply the delegate {delegate!r} to this model; "
                "choose another one"
            )
        result = passes.PassResult(
            timed=read_loop(texts[0], request, before, self.state()) if timed else None,
            memory=_weigh(texts) if request.kind == "memory" else None,
            profile=_profile(texts, request) if request.kind == "profile" else None,
        )
        if result == passes.PassResult():
            return passes.died(request, "benchmark_model left no result that makes sense")
        return passes.check_result(result, request)

    def _equip(self, info: DeviceInfo) -> DeviceInfo:
        architecture = read_architecture(self._tool)
        if architecture and architecture != info.architecture:
            raise DeviceRefusedError(
                f"benchmark_model {self._tool} is for {architecture}, and {self._shell.address} is {info.architecture}"
            )
        # A tool that lists its flags may well call that a failure.
        end = self._try(["sh", "-c", f"./{TOOL} --help 2>&1; true"], HELP_SECONDS)
        text = end.output.decode("utf-8", errors="replace")
        if "--graph" not in text:
            words = " ".join(text.split())[-200:] or end.ending.description
            raise DeviceRefusedError(
                f"{self._shell.address}: {self._tool} is no benchmark_model that runs there: {words}"
            )
        extra = tuple(delegate for delegate in _OPTIONAL if _FLAGS[delegate].partition("=")[0] in text)
        runtime = f"benchmark_model {file_hash(self._tool)[:12]}"
        return dataclasses.replace(info, runtime=runtime, delegates=("none", "xnnpack", *extra))


def compose_single(request: PassRequest, file: PassFile) -> list[str]:
    """The command of a memory or profile pass over one file of the first model."""
    settings = request.settings
    if request.kind == "memory":
        flags = ["--report_peak_memory_footprint=true", "--num_runs=1", "--min_secs=0", "--warmup_min_secs=0"]
    else:
        flags = [f"--num_runs={settings.runs}", f"--min_secs={settings.seconds:g}", "--enable_op_profiling=true"]
        flags += [f"--warmup_min_secs={settings.warmup_seconds:g}"]
    return ["sh", "-c", f"{_limit(request)}{_invoke(request, file, flags)} 2>&1"]


def compose_loop(request: PassRequest) -> list[str]:
    """The command of a timed pass: rounds in which every part is run once, in the two orders by turns."""
    settings, order = request.settings, list(range(len(request.models)))
    if request.swapped:
        order.reverse()
    flags = ["--num_runs=1", "--min_secs=0", f"--warmup_min_secs={settings.warmup_seconds:g}"]
    turns = [
        " && ".join(
            f"echo 'mqn-part {number} {index}' && {_invoke(request, file, flags)} 2>&1"
            for number in turn
            for index, file in enumerate(request.models[number])
        )
        for turn in (order, order[::-1])
    ]
    script = (
        f"{_limit(request)}"
        "look() { echo mqn-look; cat /proc/uptime; grep '^cpu[0-9]' /proc/stat; times; echo mqn-look; }\n"
        "read -r first rest < /proc/uptime; first=${first%.*}${first#*.}; count=0; now=$first\n"
        "sed -n 's/^Cpus_allowed:[[:space:]]*//p' /proc/self/status; look\n"
        f"while [ $count -lt {settings.runs} ] || [ $((now - first)) -lt {round(settings.seconds * 100)} ]; do\n"
        f"if [ $((count % 2)) = 0 ]; then {turns[0]}; else {turns[1]}; fi || exit $?\n"
        "count=$((count + 1)); read -r now rest < /proc/uptime; now=${now%.*}${now#*.}\n"
        "done\nlook"
    )
    return ["sh", "-c", script]


def read_loop(text: str, request: PassRequest, *states: MachineState) -> passes.TimedResult | None:
    """Read what a timed pass left behind; None where it makes no sense.

    The clock in the states before and after is that of idle processors, which says nothing, and is left out.
    """
    parts: dict[str, list[str]] = {}
    try:
        mask, begin_text, rounds, end_text, _ = text.split("mqn-look\n")
        for piece in rounds.split("mqn-part ")[1:]:
            name, _, said = piece.partition("\n")
            parts.setdefault(name, []).append(said)
        allowed = int(mask.replace(",", ""), 16)
        affinity = request.settings.processors or tuple(n for n in range(allowed.bit_length()) if allowed >> n & 1)
        begin, end = _read_look(begin_text, affinity), _read_look(end_text, affinity)
        cpu_seconds, others = end[1] - begin[1], None
        if begin[2] is not None and end[2] is not None:
            others = max(0.0, end[2] - begin[2] - cpu_seconds)
        before, after = (dataclasses.replace(state, frequency_mhz=None) for state in states)
        return passes.TimedResult(
            models=tuple(
                tuple(_read_part(parts[f"{number} {index}"], request) for index in range(len(model)))
                for number, model in enumerate(request.models)
            ),
            wall_seconds=end[0] - begin[0],
            cpu_seconds=cpu_seconds,
            others_seconds=others,
            affinity=affinity,
            before=before,
            after=after,
        )
    except (LookupError, ValueError, OverflowError):
        return None


def read_timings(text: str) -> tuple[float, ...] | None:
    """One process's times in us: opening, the first invocation, the means of those that warmed up and that counted."""
    match = re.search(f"Inference timings in us: {_TIMINGS}", text)
    return tuple(map(float, match.groups())) if match else None


def read_footprint(text: str) -> tuple[float, float] | None:
    """One process's highest resident memory, and how far it is above the tool's own at its start, in MB."""
    peak, delta = re.search(_PEAK, text), re.search(_DELTA, text)
    return (float(peak[1]) * MB_OF_TOOL, float(delta[1]) * MB_OF_TOOL) if peak and delta else None


def find_applied(text: str, delegate: Delegate) -> re.Match[str] | None:
    """Where the tool says that a delegate runs the model, or a part of it in so many kernels; None: nowhere."""
    return next((match for match in re.finditer(_APPLIED, text) if match[1] == _NAMES[delegate][0]), None)


def read_delegation(text: str, delegate: Delegate) -> Delegation | None:
    """What the delegate took; None where the tool does not say. It never names the kinds that are left outside."""
    if delegate not in _NAMES:
        return None
    applied, prefix = find_applied(text, delegate), _NAMES[delegate][1]
    taken = next((match for match in re.finditer(_REPLACED, text) if match[3].startswith(prefix)), None)
    if taken is None:
        return None
    partitions, delegated, nodes = int((applied and applied[2]) or 1), int(taken[1]), int(taken[2])
    outside = {"not named": nodes - delegated} if nodes > delegated else {}
    return Delegation(delegate=delegate, partitions=partitions, nodes=nodes, delegated=delegated, outside=outside)


def read_operators(text: str, part: Part) -> list[passes.OpResult]:
    """The table of operators in the order they run; empty where there is none, or none that can be read."""
    _, found, regular = text.partition("Operator-wise Profiling Info for Regular Benchmark Runs")
    _, _, table = (regular if found else text).partition("Run Order")
    columns: list[str] = []
    ops: list[passes.OpResult] = []
    for line in table.splitlines()[1:]:
        cells = [cell.strip() for cell in line.strip("\t ").split("\t")]
        if "[node type]" in cells:
            columns = cells
        elif len(cells) == len(columns) > 0:
            row = dict(zip(columns, cells, strict=True))
            kind, mean = row["[node type]"], row.get("[avg ms]", "")
            if not re.fullmatch(_NUMBER, mean):
                return []
            index, delegated = len(ops), re.fullmatch(r"[A-Z0-9_]+", kind) is None
            ops.append(passes.OpResult(part=part, index=index, kind=kind, delegated=delegated, mean_ms=float(mean)))
        elif columns:
            break
    return ops


def _weigh(texts: list[str]) -> passes.MemoryResult:
    """The sum of the parts, each in a process of its own: the tool holds one file at a time."""
    footprints = [found for text in texts if (found := read_footprint(text))]
    if len(footprints) < len(texts):
        return passes.MemoryResult(baseline_mb=None, peak_mb=None, method="none: the tool tells no memory")
    baseline = max(0.0, footprints[0][0] - footprints[0][1])
    return passes.MemoryResult(baseline_mb=baseline, peak_mb=sum(delta for _, delta in footprints), method=METHOD)


def _profile(texts: list[str], request: PassRequest) -> passes.ProfileResult | None:
    parts = zip(request.models[0], texts, strict=True)
    ops = tuple(op for file, text in parts for op in read_operators(text, file.part))
    timings = [found for text in texts if (found := read_timings(text))]
    if not ops or len(timings) < len(texts):
        return None
    total_ms = sum(inference for *_, inference in timings) / 1000
    return passes.ProfileResult(runs=request.settings.runs, profiled_ms=total_ms, ops=ops)


def _limit(request: PassRequest) -> str:
    settings = request.settings
    limits = f"ulimit -c 0; ulimit -t {math.ceil(settings.timeout_seconds) * settings.threads + 1}; "
    if settings.delegate in _OPTIONAL:
        return limits
    return f"{limits}ulimit -v {(settings.memory_limit_mb + TOOL_SPACE_MB) * 1000} 2>/dev/null; "


def _invoke(request: PassRequest, file: PassFile, flags: Sequence[str]) -> str:
    settings = request.settings
    mask = sum(1 << number for number in settings.processors)
    pinned = ["taskset", f"{mask:x}"] if mask else []
    own = [f"--graph={file.name}", f"--num_threads={settings.threads}", *flags, _FLAGS[settings.delegate]]
    return quote(*pinned, f"./{TOOL}", *own)


def _read_part(texts: Sequence[str], request: PassRequest) -> passes.TimedPart:
    timings = [found for text in texts if (found := read_timings(text))]
    if len(timings) < len(texts):
        raise ValueError("a process told no times")
    return passes.TimedPart(
        init_ms=timings[0][0] / 1000,
        first_ms=timings[0][1] / 1000,
        warmup_ms=sum(warmup for *_, warmup, _ in timings) / len(timings) / 1000,
        samples_ns=tuple(round(inference * 1000) for *_, inference in timings),
        output_sha256="",
        delegation=read_delegation(texts[0], request.settings.delegate),
    )


def _read_look(text: str, processors: Sequence[int]) -> tuple[float, float, float | None]:
    """Seconds so far: of the clock, of our children's processor time, of everybody's on these processors."""
    lines = text.splitlines()  # The clock; a line a processor; the processor time of the shell, and of its children.
    user_minutes, user, system_minutes, system = map(float, re.findall(_SHELL_TIMES, text)[1])
    rows = [line.split() for line in lines if line.split(" ", 1)[0] in {f"cpu{number}" for number in processors}]
    ticks = [sum(map(int, row[1:4])) + sum(map(int, row[6:9])) for row in rows if len(row) > 8]
    busy = sum(ticks) / TICKS_PER_SECOND if len(ticks) == len(processors) else None
    return float(lines[0].split()[0]), 60 * (user_minutes + system_minutes) + user + system, busy
