"""What TensorFlow Lite's `benchmark_model` writes, read line by line.

Its words are those of tensorflow/lite/tools/benchmark (`benchmark_model.cc`, `benchmark_tflite_model.cc`) and
tensorflow/lite/profiling (`profile_summarizer.cc`) up to 2025. A line that is missing gives None, never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mqn.records import Delegate, Delegation

_NUMBER = r"([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)(?![\w.])"
_TIMINGS = re.compile(
    rf"Inference timings in us: Init: {_NUMBER}, First inference: {_NUMBER}, "
    rf"Warmup \(avg\): {_NUMBER}, Inference \(avg\): {_NUMBER}"
)
_PEAK = re.compile(rf"Overall peak memory footprint \(MB\) via periodic monitoring: {_NUMBER}")
_DELTA = re.compile(rf"Memory footprint delta from the start of the tool \(MB\): init=\S+ overall={_NUMBER}")
_APPLIED = re.compile(
    r"Explicitly applied (\w+) delegate, and the model graph will be "
    r"(?:completely executed by the delegate|partially executed by the delegate w/ (\d+) delegate kernels)"
)
_REPLACED = re.compile(r"Replacing (\d+) out of (\d+) node\(s\) with delegate \((\w+)\) node")
_REGULAR = "Operator-wise Profiling Info for Regular Benchmark Runs"
_RUN_ORDER = "Run Order"
_MEAN = re.compile(_NUMBER)
_BUILTIN = re.compile(r"[A-Z0-9_]+")

# The tool's MB are 2^20 bytes.
MB_OF_TOOL = 1024 * 1024 / 1e6

APPLIED_NAMES: dict[Delegate, str] = {"xnnpack": "XNNPACK", "gpu": "GPU", "nnapi": "NNAPI"}
KERNEL_NAMES: dict[Delegate, str] = {
    "xnnpack": "TfLiteXNNPackDelegate",
    "gpu": "TfLiteGpuDelegate",
    "nnapi": "TfLiteNnapiDelegate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """One process's times, in us.

    Attributes:
        init: opening the model.
        first: the first invocation.
        warmup: mean of those that warmed up.
        inference: mean of those that counted.
    """

    init: float
    first: float
    warmup: float
    inference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One process's memory, in MB of 10^6 bytes.

    Attributes:
        peak_mb: the highest resident memory.
        delta_mb: how far that is above the tool's own at its start.
    """

    peak_mb: float
    delta_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One operator: its kind, whether a delegate ran it, and its mean time in ms."""

    kind: str
    delegated: bool
    mean_ms: float


def read_timings(text: str) -> Timings | None:
    """Find the times of one process."""
    match = _TIMINGS.search(text)
    if match is None:
        return None
    init, first, warmup, inference = map(float, match.groups())
    return Timings(init=init, first=first, warmup=warmup, inference=inference)


def read_footprint(text: str) -> Footprint | None:
    """Find the memory of one process."""
    peak, delta = _PEAK.search(text), _DELTA.search(text)
    if peak is None or delta is None:
        return None
    return Footprint(peak_mb=float(peak[1]) * MB_OF_TOOL, delta_mb=float(delta[1]) * MB_OF_TOOL)


def is_applied(text: str, delegate: Delegate) -> bool:
    """Whether the tool says that a delegate runs the model, or a part of it."""
    return any(match[1] == APPLIED_NAMES.get(delegate) for match in _APPLIED.finditer(text))


def read_delegation(text: str, delegate: Delegate) -> Delegation | None:
    """What the delegate took; None where the tool does not say. It never names the kinds that are left outside."""
    kernels = next((match[2] for match in _APPLIED.finditer(text) if match[1] == APPLIED_NAMES.get(delegate)), None)
    name = KERNEL_NAMES.get(delegate)
    taken = next((match for match in _REPLACED.finditer(text) if name and match[3].startswith(name)), None)
    if taken is None:
        return None
    delegated, nodes = int(taken[1]), int(taken[2])
    outside = {"not named": nodes - delegated} if nodes > delegated else {}
    return Delegation(
        delegate=delegate, partitions=int(kernels or 1), nodes=nodes, delegated=delegated, outside=outside
    )


def read_operators(text: str) -> list[Row]:
    """Find the table of operators in the order they run; empty where there is none, or none that can be read."""
    _, found, regular = text.partition(_REGULAR)
    lines = iter((regular if found else text).splitlines())
    for line in lines:
        if _RUN_ORDER in line:
            break
    columns: list[str] = []
    rows = []
    for line in lines:
        cells = [cell.strip() for cell in line.strip("\t ").split("\t")]
        if "[node type]" in cells:
            columns = cells
        elif len(cells) == len(columns) > 0:
            row = dict(zip(columns, cells, strict=True))
            kind, mean = row["[node type]"], row.get("[avg ms]", "")
            if not _MEAN.fullmatch(mean):
                return []
            rows.append(Row(kind=kind, delegated=_BUILTIN.fullmatch(kind) is None, mean_ms=float(mean)))
        elif columns:
            break
    return rows
