"""Requests and results of passes: the records between a session and the process on the device.

A pass is one process that opens one or two models, runs them, and ends. The same JSON serves our Python bench and the C
runner.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

from mqn.device.wire import MAX_PROCESSORS, MAX_RUNS, Part
from mqn.errors import ConfigError
from mqn.parsing import from_mapping
from mqn.records import Delegation, MachineState, MeasureSettings, Verdict

# What a believable answer stays within: numbers that a float holds exactly enough, names and reasons that fit a line.
MAX_NUMBER = 1e18
MAX_CHARACTERS = 1000
# Samples and the time around them come from one clock, or from one that tells hundredths.
CLOCKS_AGREE = 0.9
HASH = re.compile(r"^([0-9a-f]{64})?$", re.ASCII)

REQUEST_FILE = "request.json"
RESULT_FILE = "result.json"
MAX_RESULT_BYTES = 10_000_000
# What an answer takes in memory while it is read: a record has a handful of lists and one table an operator, a bomb
# nothing but tables.
MAX_TABLES = 50_000

Kind = Literal["timed", "memory", "profile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassFile:
    """A file as a pass sees it: its part, and its name in the pass's folder."""

    part: Part
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRequest:
    """What one process is to do.

    Attributes:
        kind: time models, weigh one, or profile one by operator.
        models: one model, or two that a timed pass runs in turns; each a file, or backbone and head.
        settings: how; `runs` and `seconds` are this process's own share.
        swapped: load and run the second model before the first, so that neither has the better place every time.
    """

    kind: Kind
    models: tuple[tuple[PassFile, ...], ...]
    settings: MeasureSettings
    swapped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedPart:
    """One file, timed.

    Attributes:
        init_ms: reading the file and allocating its tensors.
        first_ms: the first invocation.
        warmup_ms: mean of the invocations that warmed up.
        samples_ns: every counted invocation.
        output_sha256: of the outputs' bytes for the seeded input.
        delegation: what the delegate took; None where the runtime does not tell.
        cpu_ns: processor time of each counted invocation, where two models run in turns on the processor and in one
            thread; empty where they do not, or where the device's clock is too coarse to tell.
    """

    init_ms: float
    first_ms: float
    warmup_ms: float
    samples_ns: tuple[int, ...]
    output_sha256: str
    delegation: Delegation | None = None
    cpu_ns: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.samples_ns or min(self.samples_ns) <= 0:
            raise ValueError("samples_ns must be some, each above 0")
        if self.cpu_ns and (len(self.cpu_ns) != len(self.samples_ns) or min(self.cpu_ns) <= 0):
            raise ValueError("cpu_ns must be as many as samples_ns, each above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedResult:
    """A timed pass.

    Attributes:
        models: the parts of each model, in the order of the request; sample i of all of them comes from round i.
        wall_seconds: from the first counted invocation to the last.
        cpu_seconds: processor time of the process meanwhile, all threads.
        others_seconds: processor time that others took meanwhile on the processors allowed to us; None if unreadable.
        stolen_seconds: of that, what a hypervisor gave to other machines; None if unreadable.
        waited_seconds: how long our threads were ready to run and had no processor, their sum; None if unreadable.
        preemptions: how often the kernel took the processor away meanwhile; None if unreadable.
        yardstick_ns: a fixed piece of work, timed before and after: the shortest and the median of its samples; None
            where it was not run.
        affinity: processors allowed to us.
        before: the machine when counting began.
        after: and when it ended.
    """

    models: tuple[tuple[TimedPart, ...], ...]
    wall_seconds: float
    cpu_seconds: float
    others_seconds: float | None
    stolen_seconds: float | None = None
    waited_seconds: float | None = None
    preemptions: int | None = None
    yardstick_ns: tuple[int, ...] | None = None
    affinity: tuple[int, ...]
    before: MachineState
    after: MachineState

    def __post_init__(self) -> None:
        if len({len(part.samples_ns) for parts in self.models for part in parts}) != 1 or self.wall_seconds <= 0:
            raise ValueError("every part must have as many samples, and wall_seconds be above 0")
        if self.yardstick_ns is not None and (len(self.yardstick_ns) != 2 or min(self.yardstick_ns) <= 0):
            raise ValueError("yardstick_ns must be two times above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryResult:
    """A memory pass, in MB of 10^6 bytes.

    Attributes:
        baseline_mb: resident memory just before the model was loaded.
        peak_mb: the highest afterwards, above the baseline.
        method: how the peak was found.
    """

    baseline_mb: float | None
    peak_mb: float | None
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpResult:
    """One operator of a profile pass (`mqn.records.OpTime` without its share)."""

    part: Part
    index: int
    kind: str
    delegated: bool
    mean_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileResult:
    """A profile pass.

    Attributes:
        runs: profiled invocations.
        profiled_ms: mean of an invocation of all parts while profiled.
        ops: in the order they run.
    """

    runs: int
    profiled_ms: float
    ops: tuple[OpResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A pass that came to nothing, as a result: its verdict and the one line why."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What a pass leaves behind: one of the four."""

    timed: TimedResult | None = None
    memory: MemoryResult | None = None
    profile: ProfileResult | None = None
    failure: Failure | None = None


def parse_result(text: bytes, request: PassRequest) -> PassResult:
    """Read what a pass left behind. It ran an untrusted model, so its answer is checked.

    Returns:
        The answer, or a `crashed` failure where it makes no sense as one to this request.
    """
    try:
        if (tables := text.count(b"{") + text.count(b"[")) > MAX_TABLES:
            raise ValueError(f"{tables} tables and lists (at most {MAX_TABLES})")
        result = from_mapping(PassResult, json.loads(text, parse_constant=_refuse_constant), source=RESULT_FILE)
    except (ConfigError, ValueError, RecursionError) as error:
        return _refuse(request, error)
    return check_result(result, request)


def check_result(result: PassResult, request: PassRequest) -> PassResult:
    """Give an answer to a request back, or a `crashed` failure where it makes no sense."""
    try:
        _check(result, request)
    except ValueError as error:
        return _refuse(request, error)
    return result


def time_is_up(request: PassRequest) -> PassResult:
    """The answer of a pass that our wall clock ended."""
    reason = f"the {request.kind} pass took more than {request.settings.timeout_seconds:g} s (timeout_seconds)"
    return PassResult(failure=Failure(verdict="timeout", reason=reason))


def died(request: PassRequest, description: str, verdict: Verdict = "crashed") -> PassResult:
    """The answer of a pass whose process ended badly; the description says how."""
    return PassResult(failure=Failure(verdict=verdict, reason=f"the {request.kind} pass: {description}"))


def printable(text: str) -> str:
    """One line of at most 500 characters that a terminal shows and does not obey."""
    line = " ".join(text.split())[:500]
    return "".join(character if character.isprintable() else "?" for character in line)


def _refuse(request: PassRequest, error: Exception) -> PassResult:
    reason = printable(f"the {request.kind} pass left no result that makes sense: {error}")
    return PassResult(failure=Failure(verdict="crashed", reason=reason))


def _check(result: PassResult, request: PassRequest) -> None:
    _check_values(result)
    if result.failure is not None:
        if result.failure.verdict not in ("rejected", "crashed", "timeout"):
            raise ValueError(f"a failure's verdict is {result.failure.verdict!r}")
        return
    if getattr(result, request.kind) is None:
        raise ValueError(f"there is no {request.kind!r} in it")
    if result.timed is not None:
        parts = [len(model) for model in result.timed.models]
        if parts != [len(model) for model in request.models]:
            raise ValueError(f"models have {parts} parts")
        if len(result.timed.affinity) > MAX_PROCESSORS:
            raise ValueError(f"{len(result.timed.affinity)} processors (at most {MAX_PROCESSORS})")
        for part in itertools.chain.from_iterable(result.timed.models):
            if len(part.samples_ns) > MAX_RUNS or not HASH.fullmatch(part.output_sha256):
                raise ValueError(
                    f"{len(part.samples_ns)} samples (at most {MAX_RUNS}), or an output_sha256 that is none"
                )
        # Shares of a time that is next to nothing are no numbers any more.
        timed_seconds = sum(sum(part.samples_ns) for model in result.timed.models for part in model) / 1e9
        if timed_seconds * CLOCKS_AGREE > result.timed.wall_seconds:
            raise ValueError(f"samples of {timed_seconds:g} s in {result.timed.wall_seconds:g} s")


def _check_values(value: Any) -> None:
    """Refuse numbers that are negative, not finite or absurd, and text that is long or not printable."""
    if isinstance(value, MachineState):
        # A temperature may be negative.
        value = tuple(abs(number) for number in (value.load_1m, value.frequency_mhz, value.temperature_c) if number)
    if isinstance(value, (int, float)) and not 0 <= value <= MAX_NUMBER:
        raise ValueError("a number in it is negative or absurd")
    if isinstance(value, str) and (len(value) > MAX_CHARACTERS or not value.isprintable()):
        raise ValueError("a text in it is too long or not printable")
    if isinstance(value, dict):
        value = (*value.keys(), *value.values())
    if is_dataclass(value):
        value = tuple(getattr(value, field.name) for field in fields(value))
    if isinstance(value, (tuple, list)):
        for item in value:
            _check_values(item)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
