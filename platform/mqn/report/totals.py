"""A model's latency as a whole, where it has several files, with the ranges of its percentiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mqn.records import Latency, PartMeasurement


def total_latency(parts: Sequence[PartMeasurement], rounds: Sequence[int]) -> Latency:
    """Order statistics of all files together.

    Args:
        parts: the files, at least one.
        rounds: how many of the samples came from each process.

    Returns:
        With 95 % ranges where there are several processes: one by itself does not tell how much the next differs.
    """
    from mqn.device.science.figures import sum_parts, summarise
    from mqn.device.science.intervals import find_range

    samples = sum_parts(parts)
    latency = summarise(samples)
    if len(rounds) < 2 or sum(rounds) != len(samples):
        return latency
    return replace(
        latency,
        p50_range=find_range(samples, rounds, 0.5, latency.p50),
        p90_range=find_range(samples, rounds, 0.9, latency.p90),
    )
