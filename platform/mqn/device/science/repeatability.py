"""How well a device repeats itself: the same model measured again and again."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from mqn.records import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatability:
    """The spread of p50 over repeated jobs.

    Attributes:
        jobs: measurements that count.
        refused: those whose verdict was not accepted; they have no part in the figures.
        p50_ms: median of the jobs' p50; None where none counts.
        spread: the slowest job's p50 minus the fastest's, over the median: 0.05 is 5 %. None likewise.
        deviation: median distance from the median, over it: what a single odd job does not move. None likewise.
    """

    jobs: int
    refused: int
    p50_ms: float | None
    spread: float | None
    deviation: float | None


def find_repeatability(measurements: Sequence[Measurement]) -> Repeatability:
    """Tell how much p50 varies from job to job.

    Args:
        measurements: of one model on one device, one after the other, with the same settings.
    """
    medians = [
        one.latency_ms.p50 for one in measurements if one.latency_ms is not None and one.verdict in one.settings.accept
    ]
    refused = len(measurements) - len(medians)
    if not medians:
        return Repeatability(jobs=0, refused=refused, p50_ms=None, spread=None, deviation=None)
    middle = statistics.median(medians)
    return Repeatability(
        jobs=len(medians),
        refused=refused,
        p50_ms=middle,
        spread=(max(medians) - min(medians)) / middle,
        deviation=statistics.median(abs(value - middle) for value in medians) / middle,
    )
