"""The timed pass with `benchmark_model`: a shell loop on the device, a process a sample, and what it leaves behind."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence

from mqn.device.backends import benchmark_output as output
from mqn.device.backends.shell import quote
from mqn.device.passes import PassFile, PassRequest, TimedPart, TimedResult
from mqn.records import Delegate, MachineState

# Space for the tool and the runtime themselves, as address space; GPU drivers map far more than they use.
TOOL_SPACE_MB = 512
TICKS_PER_SECOND = 100

_DELEGATE_FLAGS: dict[Delegate, tuple[str, ...]] = {
    "none": ("--use_xnnpack=false",),
    "xnnpack": ("--use_xnnpack=true",),
    "gpu": ("--use_gpu=true",),
    "nnapi": ("--use_nnapi=true",),
}
_TIMES = re.compile(r"(\d+)m([\d.]+)s (\d+)m([\d.]+)s")


def compose_single(request: PassRequest, file: PassFile) -> list[str]:
    """The command of a memory or profile pass over one file.

    Args:
        request: what to do.
        file: one of its first model's.
    """
    settings = request.settings
    if request.kind == "memory":
        flags = ["--report_peak_memory_footprint=true", "--num_runs=1", "--min_secs=0", "--warmup_min_secs=0"]
    else:
        flags = [f"--num_runs={settings.runs}", f"--min_secs={settings.seconds:g}", "--enable_op_profiling=true"]
        flags += [f"--warmup_min_secs={settings.warmup_seconds:g}"]
    return ["sh", "-c", f"{_limit(request)}{_invoke(request, file, flags)} 2>&1"]


def compose_loop(request: PassRequest) -> list[str]:
    """The command of a timed pass: rounds in which every part is run once, in the two orders by turns."""
    settings = request.settings
    order = list(range(len(request.models)))
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
    return [
        "sh",
        "-c",
        f"{_limit(request)}"
        "look() { echo mqn-look $1; cat /proc/uptime; grep '^cpu[0-9]' /proc/stat; times; echo mqn-looked; }\n"
        "read -r first rest < /proc/uptime; first=${first%.*}${first#*.}; count=0; now=$first\n"
        "echo mqn-affinity $(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)\n"
        "look begin\n"
        f"while [ $count -lt {settings.runs} ] || [ $((now - first)) -lt {round(settings.seconds * 100)} ]; do\n"
        f"if [ $((count % 2)) = 0 ]; then {turns[0]}; else {turns[1]}; fi || exit $?\n"
        "count=$((count + 1)); read -r now rest < /proc/uptime; now=${now%.*}${now#*.}\n"
        "done\nlook end",
    ]


def read_loop(text: str, request: PassRequest, before: MachineState, after: MachineState) -> TimedResult | None:
    """Read what a timed pass left behind; None where it makes no sense.

    Args:
        text: all that the loop wrote.
        request: what it was told.
        before: the machine when it began; its clock is that of idle processors, which says nothing, and is left out.
        after: and when it ended, likewise.
    """
    chunks: dict[tuple[int, int], list[str]] = {}
    for chunk in text.split("mqn-part ")[1:]:
        head, _, body = chunk.partition("\n")
        numbers = [int(word) for word in head.split() if word.isdigit()]
        if len(numbers) == 2:
            chunks.setdefault((numbers[0], numbers[1]), []).append(body)
    try:
        models = tuple(
            tuple(_read_part(chunks[number, index], request) for index in range(len(model)))
            for number, model in enumerate(request.models)
        )
        affinity = request.settings.processors or _read_list(_between(text, "mqn-affinity ", "\n"))
        begin, end = (
            _read_look(_between(text, f"mqn-look {which}\n", "mqn-looked"), affinity) for which in ("begin", "end")
        )
        wall, cpu = end[0] - begin[0], end[1] - begin[1]
        return TimedResult(
            models=models,
            wall_seconds=wall,
            cpu_seconds=cpu,
            others_seconds=None if begin[2] is None or end[2] is None else max(0.0, end[2] - begin[2] - cpu),
            affinity=affinity,
            before=dataclasses.replace(before, frequency_mhz=None),
            after=dataclasses.replace(after, frequency_mhz=None),
        )
    except (LookupError, ValueError, OverflowError):
        return None


def _limit(request: PassRequest) -> str:
    settings = request.settings
    limits = f"ulimit -c 0; ulimit -t {math.ceil(settings.timeout_seconds) * settings.threads + 1}; "
    if settings.delegate in ("gpu", "nnapi"):
        return limits
    return f"{limits}ulimit -v {(settings.memory_limit_mb + TOOL_SPACE_MB) * 1000} 2>/dev/null; "


def _invoke(request: PassRequest, file: PassFile, flags: Sequence[str]) -> str:
    settings = request.settings
    mask = sum(1 << number for number in settings.processors)
    pinned = ["taskset", f"{mask:x}"] if mask else []
    return quote(
        *pinned,
        "./benchmark_model",
        f"--graph={file.name}",
        f"--num_threads={settings.threads}",
        *flags,
        *_DELEGATE_FLAGS[settings.delegate],
    )


def _read_part(texts: Sequence[str], request: PassRequest) -> TimedPart:
    found = [output.read_timings(text) for text in texts]
    timings = [timing for timing in found if timing]
    if len(timings) < len(found):
        raise ValueError("a process told no times")
    return TimedPart(
        init_ms=timings[0].init / 1000,
        first_ms=timings[0].first / 1000,
        warmup_ms=sum(timing.warmup for timing in timings) / len(timings) / 1000,
        samples_ns=tuple(round(timing.inference * 1000) for timing in timings),
        output_sha256="",
        delegation=output.read_delegation(texts[0], request.settings.delegate),
    )


def _read_look(text: str, processors: Sequence[int]) -> tuple[float, float, float | None]:
    """Seconds so far: of the clock, of our children's processor time, of everybody's on these processors."""
    lines = text.splitlines()
    # `times`: the shell itself, then its children; user and system.
    minutes, seconds, system_minutes, system_seconds = map(float, _TIMES.findall(text)[1])
    rows = [line.split() for line in lines if line.split(" ", 1)[0] in {f"cpu{number}" for number in processors}]
    ticks = [sum(map(int, row[1:4])) + sum(map(int, row[6:9])) for row in rows if len(row) > 8]
    busy = sum(ticks) / TICKS_PER_SECOND if len(ticks) == len(processors) else None
    return float(lines[0].split()[0]), 60 * (minutes + system_minutes) + seconds + system_seconds, busy


def _read_list(text: str) -> tuple[int, ...]:
    """Numbers from the kernel's own notation: `0-3,6`."""
    numbers: list[int] = []
    for piece in text.strip().split(","):
        first, _, last = piece.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return tuple(numbers)


def _between(text: str, start: str, end: str) -> str:
    _, found, rest = text.partition(start)
    body, ended, _ = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"there is no {start.strip()!r}")
    return body
