"""Measurements that count: under one lease, tried again while the machine disturbs them, given up by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from mqn.device.client import Client
from mqn.device.lease import OnState, OnWait, name_holder
from mqn.device.pool.gates import Gates
from mqn.device.science.figures import describe_verdict
from mqn.errors import MeasurementError, UnsteadyError
from mqn.naming import tell_apart
from mqn.records import Comparison, Measurement, MeasureSettings, OpProfile, Verdict

Result = TypeVar("Result", Measurement, Comparison)

# The model's own doing, which another try does not change.
FINAL: frozenset[Verdict] = frozenset({"crashed", "timeout", "rejected"})
# Disturbances come in stretches: the pause before the second, third, ... try; the last one stays.
PAUSES_SECONDS = (0.5, 2.0, 5.0)


def measure(
    client: Client,
    files: Sequence[Path],
    settings: MeasureSettings,
    *,
    holder: str | None = None,
    gates: Gates | None = None,
    on_state: OnState | None = None,
    on_wait: OnWait | None = None,
    pauses_seconds: Sequence[float] = PAUSES_SECONDS,
) -> Measurement:
    """Measure until the verdict is one that the settings accept.

    Args:
        client: of the device.
        files: one model, or backbone and head.
        settings: how; `accept` and `attempts` rule here.
        holder: who holds the device meanwhile; None: `mqn measure` on this machine.
        gates: what the device must keep before every try.
        on_state: told whenever a job's state changes.
        on_wait: told how many hold the device before.
        pauses_seconds: between tries.

    Returns:
        The measurement, with the ranges in which its percentiles lie.

    Raises:
        MeasurementError: no try had an accepted verdict; names the last one and its reasons, and carries what was
            measured. An `UnsteadyError` where the machine was disturbed, and the model is not to blame.
        DeviceRestingError: the device is too warm or low on battery.
        DeviceAwayError: the agent cannot be reached, went away, or is too busy.
        DeviceRefusedError: it refuses.
        ModelFileError: a file cannot be read.
    """
    from mqn.device.science.intervals import analyse

    client.send(files)
    with client.lease(holder or name_holder("mqn measure"), on_wait=on_wait) as lease:

        def run() -> Measurement:
            _keep(client, gates)
            return lease.measure(files, settings, on_state)

        found = _insist(run, settings, pauses_seconds, _names(files), analyse)
    if found.latency_ms is None:
        raise MeasurementError(f"{_names(files)}: {describe_verdict(found)}", found)
    return analyse(found)


def compare(
    client: Client,
    files: Sequence[Path],
    against: Sequence[Path],
    settings: MeasureSettings,
    *,
    holder: str | None = None,
    gates: Gates | None = None,
    on_state: OnState | None = None,
    on_wait: OnWait | None = None,
    pauses_seconds: Sequence[float] = PAUSES_SECONDS,
) -> Comparison:
    """Time two models in turns until the verdict is one that the settings accept.

    Args:
        client: of the device.
        files: of model A: one, or backbone and head.
        against: of model B.
        settings: how.
        holder: as for `measure`; so are the others.
        gates: what the device must keep before every try.
        on_state: told whenever a job's state changes.
        on_wait: told how many hold the device before.
        pauses_seconds: between tries.

    Returns:
        The comparison, with the ratios of its percentiles and the ranges in which they lie.

    Raises:
        MeasurementError: as for `measure`; so are the others.
        DeviceError: see there.
        ModelFileError: a file cannot be read.
    """
    from mqn.device.science.intervals import analyse_comparison

    client.send([*files, *against])
    names = " against ".join(tell_apart([files, against]))
    with client.lease(holder or name_holder("mqn measure"), on_wait=on_wait) as lease:

        def run() -> Comparison:
            _keep(client, gates)
            return lease.compare(files, against, settings, on_state)

        found = _insist(run, settings, pauses_seconds, names, analyse_comparison)
    if not found.first or not found.second:
        raise MeasurementError(f"{names}: {describe_verdict(found)}", found)
    return analyse_comparison(found)


def profile(
    client: Client,
    files: Sequence[Path],
    settings: MeasureSettings,
    *,
    holder: str | None = None,
    gates: Gates | None = None,
    on_state: OnState | None = None,
    on_wait: OnWait | None = None,
) -> OpProfile:
    """Profile a model by operator, once: what disturbs the machine disturbs every operator alike.

    Args:
        client: of the device.
        files: one model, or backbone and head.
        settings: how.
        holder: as for `measure`; so are the others.
        gates: what the device must keep.
        on_state: told whenever the job's state changes.
        on_wait: told how many hold the device before.

    Raises:
        MeasurementError: there is no profile; says why.
        DeviceError: as for `measure`.
        ModelFileError: a file cannot be read.
    """
    client.send(files)
    with client.lease(holder or name_holder("mqn measure"), on_wait=on_wait) as lease:
        _keep(client, gates)
        found = lease.profile(files, settings, on_state)
    if found.profiled_ms is None:
        raise MeasurementError(f"{_names(files)}: {describe_verdict(found)}")
    return found


def _insist(
    run: Callable[[], Result],
    settings: MeasureSettings,
    pauses: Sequence[float],
    names: str,
    analyse: Callable[[Result], Result],
) -> Result:
    for attempt in range(settings.attempts):
        if attempt:
            time.sleep(pauses[min(attempt, len(pauses)) - 1])
        found = run()
        if found.verdict in settings.accept:
            return found
        if found.verdict in FINAL:
            break
    tries = f"; tried {attempt + 1} times" if attempt else ""
    line = f"{names}: {describe_verdict(found)}{tries}"
    if found.verdict in FINAL:
        raise MeasurementError(line, found)
    raise UnsteadyError(line, analyse(found))


def _keep(client: Client, gates: Gates | None) -> None:
    if gates is not None and gates.any:
        gates.check(client.state())


def _names(files: Sequence[Path]) -> str:
    return " and ".join(file.name for file in files)
