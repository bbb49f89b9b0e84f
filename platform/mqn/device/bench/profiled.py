"""The profile pass: where a model's time goes, operator by operator, inside its delegate too.

Noting every operator slows a model down, so these times explain a latency and never replace it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from mqn.device.bench.litert_c import ELEMENT_TYPES, LiteRtError, OpEvent, ProfiledModel
from mqn.device.bench.loading import SEED, PassFailedError, blaming, fill_inputs, fill_with_noise, load, run_first
from mqn.device.passes import Failure, OpResult, PassFile, ProfileResult
from mqn.device.wire import MAX_RUNS
from mqn.records import MeasureSettings


def profile_model(files: Sequence[PassFile], settings: MeasureSettings) -> ProfileResult:
    """Run a model while the runtime notes every operator, for at least `runs` and `seconds` of the settings.

    Raises:
        PassFailedError: a file cannot be loaded, run or profiled.
    """
    models = [_open(file, settings) for file in files]
    end = time.perf_counter() + settings.warmup_seconds
    first = [_run(file, model) for file, model in zip(files, models, strict=True)]
    while time.perf_counter() < end:
        for model in models:
            model.run()
    sums = [[0] * len(events) for events in first]
    runs, total_ns, start = 0, 0, time.perf_counter()
    while runs < settings.runs or (runs < MAX_RUNS and time.perf_counter() - start < settings.seconds):
        for file, model, expected, own in zip(files, models, first, sums, strict=True):
            passed_ns, events = model.run()
            total_ns += passed_ns
            if [event.kind for event in events] != [event.kind for event in expected]:
                raise _refuse(file, "runs other operators from one invocation to the next")
            for position, event in enumerate(events):
                own[position] += event.microseconds
        runs += 1
    return ProfileResult(
        runs=runs,
        profiled_ms=total_ns / runs / 1e6,
        ops=tuple(
            _report(file, position, event, microseconds / runs / 1000)
            for file, events, own in zip(files, first, sums, strict=True)
            for position, (event, microseconds) in enumerate(zip(events, own, strict=True))
        ),
    )


def _report(file: PassFile, position: int, event: OpEvent, mean_ms: float) -> OpResult:
    return OpResult(part=file.part, index=position, kind=event.kind, delegated=event.delegated, mean_ms=mean_ms)


def _open(file: PassFile, settings: MeasureSettings) -> ProfiledModel:
    # The interpreter refuses damaged files; the compiled model crashes on some of them.
    interpreter = load(file, settings)
    fill_inputs(file, interpreter)
    run_first(file, interpreter, settings)
    with blaming(file.part, "cannot be profiled", settings, verdict="rejected"):
        try:
            model = ProfiledModel(Path(file.name), threads=settings.threads, delegate=settings.delegate)
        except (OSError, AttributeError) as error:
            raise _refuse(file, f"cannot be profiled with this runtime: {error}") from error
        import numpy as np

        generator = np.random.default_rng(SEED)
        for number, kind in enumerate(model.input_types):
            view = model.input_view(number)
            if view is None or not fill_with_noise(view, generator):
                raise _refuse(file, f"has an input of element type {kind}; known are {sorted(ELEMENT_TYPES)}")
    return model


def _run(file: PassFile, model: ProfiledModel) -> list[OpEvent]:
    try:
        _, events = model.run()
    except LiteRtError as error:
        raise PassFailedError(Failure(verdict="crashed", reason=f"{file.part} cannot be run: {error}")) from error
    if not events:
        raise _refuse(file, "has no operators that the runtime tells of")
    return events


def _refuse(file: PassFile, what: str) -> PassFailedError:
    return PassFailedError(Failure(verdict="rejected", reason=f"{file.part} {what}"))
