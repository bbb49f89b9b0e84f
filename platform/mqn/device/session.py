"""A session: runs passes on a backend, and makes a measurement, a comparison or a profile of them."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mqn.device import merging
from mqn.device.backends.contract import Backend
from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.merging import SessionFile, Timing
from mqn.device.passes import Failure, Kind, PassFile, PassRequest, PassResult
from mqn.device.science.yardsticks import Yardsticks
from mqn.records import Comparison, Measurement, MeasureSettings, OpProfile

# A ratio at 99 % needs more processes than a figure does: Student's t falls from 9.9 at three of them to 3.5 at eight.
MIN_COMPARED_PROCESSES = 8

__all__ = ["SessionFile", "compare", "measure", "profile"]


def measure(
    backend: Backend,
    files: Sequence[SessionFile],
    settings: MeasureSettings,
    *,
    folder: Path,
    switch: KillSwitch,
    yardsticks: Yardsticks | None = None,
) -> Measurement:
    """Measure a model, once: timed passes, a memory pass, and another without a delegate.

    Args:
        backend: drives the device.
        files: a model, or backbone and head.
        settings: how; the timed passes share its `runs` and `seconds`.
        folder: where the passes work; what they leave there is removed.
        switch: ends it early from another thread; the result then means nothing.
        yardsticks: what the device could do of late; without it a machine that is slow all the time goes unnoticed.

    Returns:
        The measurement, whatever its verdict: a model that crashes or hangs is a result.

    Raises:
        DeviceAwayError: the device cannot be reached, or went away.
        DeviceRefusedError: it lacks what the settings ask for.
    """
    session = _Session(backend, (tuple(files),), settings, folder, switch)
    timing, failure = session.time_all(yardsticks, processes=settings.processes, seconds=settings.seconds)
    memory = session.run("memory", settings) if failure is None else PassResult(failure=failure)
    undelegated = memory.memory
    if memory.failure is None and settings.delegate != "none":
        # A model that the runtime cannot run by itself, or not in time, leaves this one figure out and spoils no other.
        undelegated = session.run("memory", dataclasses.replace(settings, delegate="none")).memory
    return merging.report_measurement(
        session.origin,
        files=files,
        timing=timing,
        memory=memory.memory,
        undelegated=undelegated,
        failure=memory.failure,
    )


def compare(
    backend: Backend,
    first: Sequence[SessionFile],
    second: Sequence[SessionFile],
    settings: MeasureSettings,
    *,
    folder: Path,
    switch: KillSwitch,
    yardsticks: Yardsticks | None = None,
) -> Comparison:
    """Time two models in turns, in the same processes: whatever disturbs the machine disturbs both alike.

    Args:
        backend: drives the device.
        first: model A: a file, or backbone and head.
        second: model B likewise.
        settings: how; at least `MIN_COMPARED_PROCESSES` share its `runs` and, for each model, its `seconds`.
        folder: where the passes work; what they leave there is removed.
        switch: ends it early from another thread; the result then means nothing.
        yardsticks: as for `measure`.

    Returns:
        The comparison, whatever its verdict; its ratios are computed on the host (`mqn.device.science.intervals`).

    Raises:
        DeviceAwayError: the device cannot be reached, or went away.
        DeviceRefusedError: it lacks what the settings ask for.
    """
    session = _Session(backend, (tuple(first), tuple(second)), settings, folder, switch)
    processes = max(settings.processes, MIN_COMPARED_PROCESSES)
    timing, failure = session.time_all(yardsticks, processes=processes, seconds=2 * settings.seconds)
    return merging.report_comparison(session.origin, models=session.models, timing=timing, failure=failure)


def profile(
    backend: Backend, files: Sequence[SessionFile], settings: MeasureSettings, *, folder: Path, switch: KillSwitch
) -> OpProfile:
    """Profile a model operator by operator, in one pass of its own. Arguments and errors are those of `measure`.

    Returns:
        The profile, whatever its verdict.
    """
    session = _Session(backend, (tuple(files),), settings, folder, switch)
    return merging.report_profile(session.origin, session.run("profile", settings), files)


class _Session:
    """The passes of one job."""

    def __init__(
        self,
        backend: Backend,
        models: tuple[tuple[SessionFile, ...], ...],
        settings: MeasureSettings,
        folder: Path,
        switch: KillSwitch,
    ) -> None:
        self.origin = merging.begin(backend.describe(), settings)
        self.models = models
        self._backend, self._settings, self._folder, self._switch = backend, settings, folder, switch

    def time_all(
        self, yardsticks: Yardsticks | None, *, processes: int, seconds: float
    ) -> tuple[Timing | None, Failure | None]:
        """Run the timed passes; the first failure ends it."""
        share = dataclasses.replace(
            self._settings, runs=math.ceil(self._settings.runs / processes), seconds=seconds / processes
        )
        results = []
        for number in range(processes):
            result = self.run("timed", share, swapped=number % 2 == 1)
            if result.timed is None:
                return None, result.failure
            results.append(result.timed)
        return merging.merge(results, self._settings, self.origin["device"], yardsticks), None

    def run(self, kind: Kind, settings: MeasureSettings, *, swapped: bool = False) -> PassResult:
        """Run one pass in a folder of its own."""
        if self._switch.pulled.is_set():
            return PassResult(failure=Failure(verdict="crashed", reason="cancelled"))
        named: list[tuple[PassFile, ...]] = []
        paths: dict[str, Path] = {}
        for number, model in enumerate(self.models):
            names = [f"{number}-{file.part}.tflite" for file in model]
            paths |= {name: file.path for name, file in zip(names, model, strict=True)}
            named.append(tuple(PassFile(part=file.part, name=name) for name, file in zip(names, model, strict=True)))
        request = PassRequest(kind=kind, models=tuple(named), settings=settings, swapped=swapped)
        with tempfile.TemporaryDirectory(prefix=f"{kind}-", dir=self._folder, ignore_cleanup_errors=True) as name:
            return self._backend.run(request, paths, Path(name), self._switch)
