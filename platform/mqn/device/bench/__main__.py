"""One pass over a model in a process of its own: `python -m mqn.device.bench`, in a folder that holds its request.

The model may be hostile: limits are set before it is opened, and whatever happens to this process is a result to the
agent. The timed pass and the memory pass are two processes, for reading memory would disturb the clock and the samples
would count as memory.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import gc
import hashlib
import math
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mqn.device import machine
from mqn.device.passes import (
    REQUEST_FILE,
    RESULT_FILE,
    Failure,
    MemoryResult,
    PassFile,
    PassRequest,
    PassResult,
    TimedPart,
    TimedResult,
)
from mqn.device.wire import MAX_RUNS
from mqn.parsing import read_json, write_json
from mqn.records import MeasureSettings

PEAK_RESET = "VmHWM after writing 5 to clear_refs"
PEAK_UNRESET = "VmHWM of the whole process"
UNREADABLE = "none: /proc/self/status cannot be read"
SEED = 0
MAX_RESULT_BYTES = 64_000_000

# A model of one ADD of two 1 x 1 floats (tests/device/test_bench.py reads it back): running it first makes the runtime
# and its delegate settle what they allocate once per process, which is no memory of the model that is measured.
DUMMY_MODEL = base64.b85decode(
    "7ytkOR7OlQ000gE6aWwa3;+lK000C44gdfE5C8xG7ytkO5CH%H0{{R30RR911ONa4`2PR@0RR915C8xG3;+}W5C9AS2mk~C3;+NC5C8xGPyhe`"
    "Q~&?~TmS$70RR916aWAK000gE6aWAK5C9AS3jhQF4gdfE5C8xG0000B3;+NC5C8xGQ2+n`0RR910ssI20ssI2000000RR910RR910ssI20ssI2"
    "000000RR910{{R3SO5S3C;$Ke1ONa4!2kdM2mk;83;+NC0RR91c>n+a0ssI20RR910RR91;Q#;s2mk;83;+NC0RR91VgLXD0ssI20RR910RR91"
    "3;+xO2mk;8000C43;+NC2mk;83;+NC0RR91VE_OC0ssI20RR910RR910RR912mk;81ONm81ONa4"
)


class PassFailedError(Exception):
    """The model cannot be measured; carries the verdict and the one line why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def main() -> int:
    """Carry out the request in the current folder and leave the result beside it.

    Returns:
        The exit code: 0 whenever a result was written.
    """
    _die_with_parent()
    request = read_json(PassRequest, Path(REQUEST_FILE))
    import ai_edge_litert.interpreter  # noqa: F401  (its own needs are not the model's: before the limits)

    _limit(request.settings)
    try:
        if request.kind == "timed":
            result = PassResult(timed=_time(request.files, request.settings))
        else:
            result = PassResult(memory=_weigh(request.files, request.settings))
    except PassFailedError as error:
        result = PassResult(failure=error.failure)
    write_json(Path(RESULT_FILE), result)
    return 0


def _time(files: Sequence[PassFile], settings: MeasureSettings) -> TimedResult:
    interpreters, init_ms, first_ms, hashes = [], [], [], []
    for file in files:
        start = time.perf_counter_ns()
        interpreters.append(_load(file, settings))
        init_ms.append((time.perf_counter_ns() - start) / 1e6)
        _fill_inputs(file, interpreters[-1])
    for file, interpreter in zip(files, interpreters, strict=True):
        with _blaming(file, "cannot be run", settings, verdict="crashed"):
            start = time.perf_counter_ns()
            interpreter.invoke()
            first_ms.append((time.perf_counter_ns() - start) / 1e6)
        hashes.append(_hash_outputs(interpreter))
    warmup = _sample(interpreters, runs=1, seconds=settings.warmup_seconds)
    processors = machine.affinity()
    before = machine.read_state(processors)
    _sample(interpreters, runs=1, seconds=0)
    gc.collect()
    gc.disable()
    busy_before, cpu_before, wall_before = machine.busy_seconds(processors), time.process_time(), time.perf_counter()
    samples = _sample(interpreters, runs=settings.runs, seconds=settings.seconds)
    wall, cpu = time.perf_counter() - wall_before, time.process_time() - cpu_before
    busy_after = machine.busy_seconds(processors)
    gc.enable()
    after = machine.read_state(processors)
    others = None if busy_before is None or busy_after is None else max(0.0, busy_after - busy_before - cpu)
    parts = tuple(
        TimedPart(
            init_ms=init_ms[i],
            first_ms=first_ms[i],
            warmup_ms=sum(warmup[i]) / len(warmup[i]) / 1e6,
            samples_ns=tuple(samples[i]),
            output_sha256=hashes[i],
            partitions=_count_partitions(interpreters[i]),
        )
        for i in range(len(files))
    )
    return TimedResult(
        parts=parts,
        wall_seconds=wall,
        cpu_seconds=cpu,
        others_seconds=others,
        affinity=processors,
        before=before,
        after=after,
    )


def _sample(interpreters: Sequence[Any], *, runs: int, seconds: float) -> list[list[int]]:
    """Time rounds of one invocation of every part, at least `runs` and `seconds`, at most `MAX_RUNS`; ns by part."""
    samples: list[list[int]] = [[] for _ in interpreters]
    rounds = list(zip(interpreters, samples, strict=True))
    end = time.perf_counter() + seconds
    count = 0
    while count < runs or (count < MAX_RUNS and time.perf_counter() < end):
        for interpreter, own in rounds:
            start = time.perf_counter_ns()
            interpreter.invoke()
            own.append(time.perf_counter_ns() - start)
        count += 1
    return samples


def _weigh(files: Sequence[PassFile], settings: MeasureSettings) -> MemoryResult:
    dummy = Path("dummy.tflite")
    dummy.write_bytes(DUMMY_MODEL)
    _run_once(PassFile(part="model", name=dummy.name), settings)
    gc.collect()
    reset = machine.reset_peak()
    before = machine.resident_mb()
    held = [_run_once(file, settings) for file in files]
    for interpreter in held:
        interpreter.invoke()
    after = machine.resident_mb()
    if before is None or after is None:
        return MemoryResult(baseline_mb=None, peak_mb=None, method=UNREADABLE)
    # Without the reset the peak may be the start-up's own, and is then an upper bound: hence another name.
    method = PEAK_RESET if reset else PEAK_UNRESET
    return MemoryResult(baseline_mb=before[0], peak_mb=max(0.0, after[1] - before[0]), method=method)


def _run_once(file: PassFile, settings: MeasureSettings) -> Any:
    interpreter = _load(file, settings)
    _fill_inputs(file, interpreter)
    with _blaming(file, "cannot be run", settings, verdict="crashed"):
        interpreter.invoke()
    return interpreter


def _load(file: PassFile, settings: MeasureSettings) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolvers = {"xnnpack": OpResolverType.BUILTIN, "none": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES}
    resolver = resolvers[settings.delegate]
    with _blaming(file, "cannot be loaded", settings, verdict="rejected"):
        interpreter = Interpreter(
            model_path=file.name, num_threads=settings.threads, experimental_op_resolver_type=resolver
        )
        interpreter.allocate_tensors()
    return interpreter


def _fill_inputs(file: PassFile, interpreter: Any) -> None:
    """Seeded noise: [0, 1) for floats, the full range for whole numbers; in place, so that no copy counts as memory."""
    import numpy as np

    generator = np.random.default_rng(SEED)
    for detail in interpreter.get_input_details():
        kind = np.dtype(detail["dtype"])
        view = interpreter.tensor(detail["index"])()
        if kind in (np.float32, np.float64):
            generator.random(out=view, dtype=kind)
        elif kind == np.float16:
            view[...] = generator.random(view.shape, dtype=np.float32)
        elif kind == np.bool_:
            view[...] = generator.integers(0, 2, view.shape, dtype=np.uint8)
        elif kind.kind in "iu":
            view[...] = np.frombuffer(generator.bytes(view.nbytes), dtype=kind).reshape(view.shape)
        else:
            reason = f"{file.part}: input {detail['name']!r} is {kind}; only numbers and booleans can be made up"
            raise PassFailedError(Failure(verdict="rejected", reason=reason))


def _hash_outputs(interpreter: Any) -> str:
    digest = hashlib.sha256()
    for detail in interpreter.get_output_details():
        digest.update(interpreter.get_tensor(detail["index"]).tobytes())
    return digest.hexdigest()


def _count_partitions(interpreter: Any) -> int | None:
    # The runtime's Python has no public way to ask; where a version drops this one, nothing is claimed.
    details: Callable[[], list[dict[str, Any]]] | None = getattr(interpreter, "_get_ops_details", None)
    return None if details is None else sum(node["op_name"] == "DELEGATE" for node in details())


@contextlib.contextmanager
def _blaming(file: PassFile, what: str, settings: MeasureSettings, *, verdict: Any) -> Iterator[None]:
    """Turn the runtime's exceptions into a result; it raises these two and MemoryError, and dies of everything else."""
    try:
        yield
    except MemoryError as error:
        reason = f"{file.part} ran out of memory; memory_limit_mb is {settings.memory_limit_mb}"
        raise PassFailedError(Failure(verdict="crashed", reason=reason)) from error
    except (ValueError, RuntimeError) as error:
        line = " ".join(str(error).split())[:500] or type(error).__name__
        raise PassFailedError(Failure(verdict=verdict, reason=f"{file.part} {what}: {line}")) from error


def _limit(settings: MeasureSettings) -> None:
    space = machine.address_space_bytes() + settings.memory_limit_mb * 1_000_000
    # One second more than the wall clock could allow: the agent's own limit comes first and says "timeout".
    seconds = math.ceil(settings.timeout_seconds) * settings.threads + 1
    limits = {
        resource.RLIMIT_AS: space,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: MAX_RESULT_BYTES,
    }
    for kind, limit in limits.items():
        hard = resource.getrlimit(kind)[1]
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _die_with_parent() -> None:
    # An agent that is killed cannot kill its pass any more; Linux does it for us (PR_SET_PDEATHSIG is 1).
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main())
