"""Timed passes made by hand: calm, one file, a hundred invocations of 1 ms."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mqn.device.passes import TimedPart, TimedResult
from mqn.records import MachineState

UNREAD = MachineState(load_1m=None, frequency_mhz=None, temperature_c=None)
STEADY = (1_000_000,) * 100


def make_part(samples_ns: Sequence[int] = STEADY, **changes: object) -> TimedPart:
    part = TimedPart(init_ms=1.0, first_ms=2.0, warmup_ms=3.0, samples_ns=tuple(samples_ns), output_sha256="0" * 64)
    return dataclasses.replace(part, **changes)


def make_timed(samples_ns: Sequence[int] = STEADY, **changes: object) -> TimedResult:
    timed = TimedResult(
        models=((make_part(samples_ns),),),
        wall_seconds=1.0,
        cpu_seconds=1.0,
        others_seconds=None,
        affinity=(0, 1),
        before=UNREAD,
        after=UNREAD,
    )
    return dataclasses.replace(timed, **changes)
