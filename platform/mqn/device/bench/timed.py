"""The timed pass: models warmed up until their times settle, then timed in rounds, every sample kept."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import hashlib
import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mqn.device import machine
from mqn.device.bench.delegation import inspect
from mqn.device.bench.loading import PassFailedError, fill_inputs, hash_outputs, load, run_first
from mqn.device.passes import PassFile, PassRequest, TimedPart, TimedResult
from mqn.device.wire import MAX_RUNS
from mqn.records import MeasureSettings

# The machine is warm when the medians of so many windows in a row lie within so much of each other.
SETTLED_WINDOWS = 3
SETTLED_SPREAD = 0.025
MIN_WINDOW_ROUNDS = 5
# The yardstick fills the caches; two rounds, or one long one, bring the model's data back.
RESUMED_SECONDS = 0.1

# Where the calling thread does all the work, so that its processor time is the invocation's.
ON_THE_PROCESSOR = ("xnnpack", "none")
# A clock that tells whole ms only counts ticks of the kernel: it is too coarse for an invocation.
COARSE_NS = 1_000_000

# The yardstick. A pass that is slow from its first to its last invocation (a hypervisor's share, work on the other
# hyper-thread) is steady and fully on its processor; only something that always takes the same effort shows that.
YARDSTICK_REPEATS = 12
HASHED, COPIED = bytes(512 * 1024), bytearray(2 * 1024 * 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """One file, ready to be timed."""

    interpreter: Any
    init_ms: float
    first_ms: float
    output_sha256: str


def time_models(request: PassRequest) -> TimedResult:
    """Time one model, or two in turns: A B, B A, A B, ..., so that each comes first and follows itself as often.

    Raises:
        PassFailedError: a model cannot be loaded or run.
    """
    order = range(len(request.models))
    if request.swapped:
        order = order[::-1]
    opened = {number: _open(request, number) for number in order}
    turns = [[(number, part) for part in range(len(opened[number]))] for number in order]
    cycle = [list(itertools.chain.from_iterable(turns)), list(itertools.chain.from_iterable(turns[::-1]))]
    clock = Clock({slot: opened[slot[0]][slot[1]].interpreter for slot in cycle[0]}, cycle)
    warmup = _warm_up(clock, request.settings)
    yardstick = time_yardstick()
    processors = machine.affinity()
    before = machine.read_state(processors)
    clock.sample(runs=2, seconds=0, limit_seconds=RESUMED_SECONDS)
    gc.collect()
    gc.disable()
    start = _Usage.read(processors)
    samples = clock.sample(runs=request.settings.runs, seconds=request.settings.seconds)
    used = _Usage.read(processors).since(start)
    gc.enable()
    after = machine.read_state(processors)
    yardstick += time_yardstick()
    return TimedResult(
        models=tuple(
            tuple(
                TimedPart(
                    init_ms=part.init_ms,
                    first_ms=part.first_ms,
                    warmup_ms=statistics.fmean(warmup[number, index]) / 1e6,
                    samples_ns=tuple(samples[number, index].wall),
                    output_sha256=part.output_sha256,
                    delegation=inspect(part.interpreter, request.settings.delegate),
                    cpu_ns=processor_times(samples[number, index], request),
                )
                for index, part in enumerate(opened[number])
            )
            for number in range(len(request.models))
        ),
        wall_seconds=used.wall,
        cpu_seconds=used.cpu,
        others_seconds=None if used.busy is None else max(0.0, used.busy - used.cpu),
        stolen_seconds=used.stolen,
        waited_seconds=used.waited,
        preemptions=used.preemptions,
        yardstick_ns=(min(yardstick), int(statistics.median(yardstick))),
        affinity=processors,
        before=before,
        after=after,
    )


def processor_times(samples: Samples, request: PassRequest) -> tuple[int, ...]:
    """What `TimedPart.cpu_ns` says."""
    alone = request.settings.threads == 1 and request.settings.delegate in ON_THE_PROCESSOR
    fine = min(samples.cpu) > 0 and any(nanoseconds % COARSE_NS for nanoseconds in samples.cpu)
    return tuple(samples.cpu) if len(request.models) == 2 and alone and fine else ()


def _open(request: PassRequest, number: int) -> list[_Opened]:
    with _naming(request, number):
        interpreters, init_ms = [], []
        for file in request.models[number]:
            start = time.perf_counter_ns()
            interpreters.append(load(file, request.settings))
            init_ms.append((time.perf_counter_ns() - start) / 1e6)
            fill_inputs(file, interpreters[-1])
        return [
            _open_part(file, interpreter, milliseconds, request.settings)
            for file, interpreter, milliseconds in zip(request.models[number], interpreters, init_ms, strict=True)
        ]


def _open_part(file: PassFile, interpreter: Any, init_ms: float, settings: MeasureSettings) -> _Opened:
    start = time.perf_counter_ns()
    run_first(file, interpreter, settings)
    first_ms = (time.perf_counter_ns() - start) / 1e6
    return _Opened(interpreter=interpreter, init_ms=init_ms, first_ms=first_ms, output_sha256=hash_outputs(interpreter))


@contextlib.contextmanager
def _naming(request: PassRequest, number: int) -> Iterator[None]:
    """Say which of two models failed."""
    try:
        yield
    except PassFailedError as error:
        if len(request.models) == 1:
            raise
        reason = f"the {('first', 'second')[number]} model: {error.failure.reason}"
        raise PassFailedError(dataclasses.replace(error.failure, reason=reason)) from error


Slot = tuple[int, int]  # number of the model, of its part


class Samples(NamedTuple):
    """Invocations of one part, in ns: by the clock on the wall, and processor time of the calling thread."""

    wall: list[int]
    cpu: list[int]


class Clock:
    """Runs rounds, each of them every part once, in the two orders by turns."""

    def __init__(self, interpreters: dict[Slot, Any], cycle: Sequence[Sequence[Slot]]) -> None:
        self._interpreters, self._cycle = interpreters, cycle

    def sample(self, *, runs: int, seconds: float, limit_seconds: float = float("inf")) -> dict[Slot, Samples]:
        """Time at least `runs` rounds and `seconds`, at most `MAX_RUNS` and `limit_seconds`, but one."""
        samples = {slot: Samples([], []) for slot in self._interpreters}
        orders = [[(self._interpreters[slot], samples[slot]) for slot in order] for order in self._cycle]
        start = time.perf_counter()
        count, passed = 0, 0.0
        while not count or (passed < limit_seconds and (count < runs or (count < MAX_RUNS and passed < seconds))):
            for interpreter, own in orders[count % len(orders)]:
                cpu, begin = time.thread_time_ns(), time.perf_counter_ns()
                interpreter.invoke()
                own.wall.append(time.perf_counter_ns() - begin)
                own.cpu.append(time.thread_time_ns() - cpu)
            count += 1
            passed = time.perf_counter() - start
        return samples


def _warm_up(clock: Clock, settings: MeasureSettings) -> dict[Slot, list[int]]:
    """Run windows until their medians agree, at least and at most as long as the settings say; ns by slot."""
    window_seconds = settings.warmup_seconds / SETTLED_WINDOWS
    all_samples: dict[Slot, list[int]] = {}
    medians: list[float] = []
    start = time.perf_counter()
    while True:
        left = settings.warmup_limit_seconds - (time.perf_counter() - start)
        window = clock.sample(runs=MIN_WINDOW_ROUNDS, seconds=window_seconds, limit_seconds=max(0.0, left))
        for slot, samples in window.items():
            all_samples.setdefault(slot, []).extend(samples.wall)
        rounds = zip(*(samples.wall for samples in window.values()), strict=True)
        medians.append(statistics.median(map(sum, rounds)))
        passed = time.perf_counter() - start
        if passed >= settings.warmup_limit_seconds or (passed >= settings.warmup_seconds and is_settled(medians)):
            return all_samples


def is_settled(medians: Sequence[float]) -> bool:
    """Whether the medians of the last windows lie within `SETTLED_SPREAD` of each other."""
    last = medians[-SETTLED_WINDOWS:]
    return len(last) == SETTLED_WINDOWS and max(last) <= min(last) * (1 + SETTLED_SPREAD)


class _Usage(NamedTuple):
    """Seconds so far: of the clock, of our processor time, of all processes, ...; monotonic clocks only."""

    wall: float
    cpu: float
    busy: float | None
    stolen: float | None
    waited: float | None
    preemptions: int | None

    @classmethod
    def read(cls, processors: Sequence[int]) -> _Usage:
        waited, preemptions = machine.waited_seconds(), machine.preemptions()
        stolen, busy = machine.stolen_seconds(processors), machine.busy_seconds(processors)
        # Clock and processor time are read last: between two readings we may lose the processor.
        cpu = time.process_time()
        return cls(time.perf_counter(), cpu, busy, stolen, waited, preemptions)

    def since(self, start: _Usage) -> _Usage:
        pairs: Any = zip(self, start, strict=True)
        passed: Any = [None if None in (later, earlier) else later - earlier for later, earlier in pairs]
        return _Usage(*passed)


def time_yardstick() -> list[int]:
    """Hash a buffer and copy another, several times: a fixed piece of work; ns of each."""
    target = bytearray(len(COPIED))
    samples = []
    for _ in range(YARDSTICK_REPEATS):
        start = time.perf_counter_ns()
        hashlib.sha256(HASHED).digest()
        target[:] = COPIED
        samples.append(time.perf_counter_ns() - start)
    return samples
