"""Measurements under one lease, repeated while the machine disturbs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypedDict, TypeVar, Unpack

from mqn.device.client import Client
from mqn.device.lease import HeldLease, OnState, OnWait, name_holder
from mqn.device.pool.state_bounds import StateBounds
from mqn.device.science.figures import describe_verdict
from mqn.errors import MeasurementError, UnsteadyError
from mqn.records import Comparison, Measurement, MeasureSettings, OpProfile, Verdict
from mqn.text.display_names import tell_apart

Result = TypeVar("Result", Measurement, Comparison)

# The model's own doing, which another try does not change.
FINAL: frozenset[Verdict] = frozenset({"crashed", "timeout", "rejected"})
# Disturbances come in stretches: the pause before the second, third, ... try; the last one stays.
PAUSES_SECONDS = (0.5, 2.0, 5.0)


class Circumstances(TypedDict, total=False):
    """What goes with a measurement besides what is measured and how; all of it may be left out.

    Attributes:
        holder: who holds the device meanwhile; without it `mqn measure` on this machine.
        bounds: what the device must keep before every try.
        on_state: told whenever a job's state changes.
        on_wait: told how many hold the device before.
        pauses_seconds: between tries.
    """

    holder: str | None
    bounds: StateBounds | None
    on_state: OnState | None
    on_wait: OnWait | None
    pauses_seconds: Sequence[float]


def measure(
    client: Client, files: Sequence[Path], settings: MeasureSettings, **others: Unpack[Circumstances]
) -> Measurement:
    """Measure until the verdict is one that the settings accept.

    Args:
        client: of the device.
        files: one model, or backbone and head.
        settings: how; `accept` and `attempts` rule here.
        others: see `Circumstances`.

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

    def run(lease: HeldLease) -> Measurement:
        return lease.measure(files, settings, others.get("on_state"))

    found = _insist(client, files, settings, others, _names(files), run, analyse)
    if found.latency_ms is None:
        raise MeasurementError(f"{_names(files)}: {describe_verdict(found)}", found)
    return analyse(found)


def compare(
    client: Client,
    files: Sequence[Path],
    against: Sequence[Path],
    settings: MeasureSettings,
    **others: Unpack[Circumstances],
) -> Comparison:
    """Time two models in turns until the verdict is one that the settings accept; otherwise like `measure`.

    Args:
        client: of the device.
        files: of model A: one, or backbone and head.
        against: of model B.
        settings: how.
        others: see `Circumstances`.

    Returns:
        The comparison, with the ratios of its percentiles and the ranges in which they lie.
    """
    from mqn.device.science.intervals import analyse_comparison

    def run(lease: HeldLease) -> Comparison:
        return lease.compare(files, against, settings, others.get("on_state"))

    names = " against ".join(tell_apart([files, against]))
    found = _insist(client, [*files, *against], settings, others, names, run, analyse_comparison)
    if not found.first or not found.second:
        raise MeasurementError(f"{names}: {describe_verdict(found)}", found)
    return analyse_comparison(found)


def profile(
    client: Client, files: Sequence[Path], settings: MeasureSettings, **others: Unpack[Circumstances]
) -> OpProfile:
    """Profile a model by operator, once: what disturbs the machine disturbs every operator alike.

    Arguments and errors are those of `measure`; a `MeasurementError` says why there is no profile.
    """
    with _lease(client, files, others) as lease:
        _check_bounds(client, others)
        found = lease.profile(files, settings, others.get("on_state"))
    if found.profiled_ms is None:
        raise MeasurementError(f"{_names(files)}: {describe_verdict(found)}")
    return found


def _insist(
    client: Client,
    files: Sequence[Path],
    settings: MeasureSettings,
    others: Circumstances,
    names: str,
    run: Callable[[HeldLease], Result],
    analyse: Callable[[Result], Result],
) -> Result:
    pauses = others.get("pauses_seconds", PAUSES_SECONDS)
    with _lease(client, files, others) as lease:
        for attempt in range(settings.attempts):
            if attempt:
                time.sleep(pauses[min(attempt, len(pauses)) - 1])
            _check_bounds(client, others)
            found = run(lease)
            if found.verdict in settings.accept:
                return found
            if found.verdict in FINAL:
                break
    tries = f"; tried {attempt + 1} times" if attempt else ""
    line = f"{names}: {describe_verdict(found)}{tries}"
    if found.verdict in FINAL:
        raise MeasurementError(line, found)
    raise UnsteadyError(line, analyse(found))


def _lease(client: Client, files: Sequence[Path], others: Circumstances) -> AbstractContextManager[HeldLease]:
    client.send(files)
    return client.lease(others.get("holder") or name_holder("mqn measure"), on_wait=others.get("on_wait"))


def _check_bounds(client: Client, others: Circumstances) -> None:
    bounds = others.get("bounds")
    if bounds is not None and bounds.any:
        bounds.check(client.state())


def _names(files: Sequence[Path]) -> str:
    return " and ".join(file.name for file in files)
