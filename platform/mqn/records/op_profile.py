"""Where a model's time goes, operator by operator."""

from __future__ import annotations

from dataclasses import dataclass

from mqn.records.device import DeviceInfo
from mqn.records.measurement import MeasureSettings, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class OpTime:
    """One operator of a profiled model.

    Attributes:
        part: file that it belongs to: `model`, `backbone`, `head`.
        index: position among the part's operators, in the order they run.
        kind: as the runtime names it: `CONV_2D`, or `Convolution (NHWC, QS8) IGEMM` inside a delegate.
        delegated: whether a delegate ran it.
        mean_ms: a run.
        share: of all operators' time, in [0, 1].
    """

    part: str
    index: int
    kind: str
    delegated: bool
    mean_ms: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpProfile:
    """A profile by operator, from a pass of its own.

    Profiling slows a model down: these times explain a latency and never replace it.

    Attributes:
        device: who measured.
        settings: how.
        verdict: `ok`, or why there is no profile.
        reasons: one line each.
        sha256: of each file, in the order they run.
        runs: profiled invocations.
        ops: in the order they run.
        profiled_ms: mean of an invocation while profiled.
        started_at: UTC, ISO 8601.
    """

    device: DeviceInfo
    settings: MeasureSettings
    verdict: Verdict
    reasons: tuple[str, ...]
    sha256: tuple[str, ...]
    runs: int
    ops: tuple[OpTime, ...]
    profiled_ms: float | None
    started_at: str
