"""Two models timed in turns on one device."""

from __future__ import annotations

from dataclasses import dataclass

from mqn.records.device import DeviceInfo, MachineState
from mqn.records.measurement import MeasureSettings, PartMeasurement, Range, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """How long the second model takes over how long the first takes.

    Attributes:
        value: the second's over the first's; 1.03: the second takes 3 % longer.
        range: where it lies with the stated confidence.
        confidence: of the range, in (0, 1).
        different: whether the range leaves 1 out; only then may one be called faster.
    """

    value: float
    range: Range
    confidence: float
    different: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models, A and B, timed in turns: whatever disturbs the machine disturbs both alike.

    Attributes:
        device: who measured.
        settings: how.
        verdict: whether the figures can be compared.
        reasons: why the verdict is not `ok`.
        first: the files of model A, in the order they run.
        second: likewise of model B; sample i of both comes from the same round.
        process_rounds: how many of the rounds came from each process.
        p50: ratio of the medians; None until the host computed it, and where nothing was timed.
        p90: likewise of the 90th percentiles.
        cpu_wall_ratio: processor time over wall time, per thread.
        before: the machine when it began.
        after: and when it ended.
        started_at: UTC, ISO 8601.
    """

    device: DeviceInfo
    settings: MeasureSettings
    verdict: Verdict
    reasons: tuple[str, ...]
    first: tuple[PartMeasurement, ...]
    second: tuple[PartMeasurement, ...]
    process_rounds: tuple[int, ...]
    p50: Ratio | None = None
    p90: Ratio | None = None
    cpu_wall_ratio: float | None
    before: MachineState
    after: MachineState
    started_at: str
