"""What a network costs, measured here and now, and how accurate it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from mqn.records.measurement import Range, Verdict
from mqn.records.scores import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCost:
    """One row of `mqn compare`.

    Attributes:
        name: what the user called it.
        family: of the network; empty where only its exported file is known.
        plan: label of how it is quantized.
        trained: whether its weights come from a training.
        parameters: of the network; None: not known.
        macs: for one picture; None: not known.
        side: in pixels, of the square pictures that its files take; None: it was not exported.
        size_bytes: of its files; None: it was not exported.
        latency_ms: p50 on the device; None: not measured.
        latency_range: where it lies with 95 % confidence.
        peak_memory_mb: in MB of 10^6 bytes.
        verdict: on the measurement.
        outside: operators that the delegate left to the runtime.
        why: why something of this is missing, in one line; empty where nothing is.
        accuracy: by metric, with its interval over sources.
    """

    name: str
    family: str = ""
    plan: str = ""
    trained: bool = False
    parameters: int | None = None
    macs: int | None = None
    side: int | None = None
    size_bytes: int | None = None
    latency_ms: float | None = None
    latency_range: Range | None = None
    peak_memory_mb: float | None = None
    verdict: Verdict | None = None
    outside: int | None = None
    why: str = ""
    accuracy: dict[str, Interval] = field(default_factory=dict)
