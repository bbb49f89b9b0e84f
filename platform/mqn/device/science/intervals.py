"""Confidence ranges of medians and 90th percentiles, and of their ratios: computed on the host, with numpy.

Two things make a figure uncertain. A process is some percent faster or slower than the next (where its memory happens
to lie), which only several processes show: Student's t over their own figures, exact for few of them. And within a
process samples are few and resemble their neighbours: a bootstrap of moving blocks, which keeps neighbours together.
The wider of the two counts: the first contains the second, but three processes may agree by luck. Everything is done in
logarithms, where a disturbance that slows by a share is a step of one size.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from mqn.device.science.figures import sum_cpu, sum_parts, summarise
from mqn.records import Comparison, Latency, Measurement, PartMeasurement, Range, Ratio

if TYPE_CHECKING:
    import numpy as np

CONFIDENCE = 0.95
# Of a ratio: twenty comparisons of equal models must not find a difference.
RATIO_CONFIDENCE = 0.99
RESAMPLES = 300
# Quantiles of so many numbers at a time, so that a long measurement does not fill the memory.
CHUNK_NUMBERS = 4_000_000
SEED = 0


def analyse(measurement: Measurement) -> Measurement:
    """Add where p50 and p90 lie with 95 % confidence, of the whole and of every part.

    Nothing is added where nothing was timed, or in one process only: how much the next process differs is then unknown.
    """
    if measurement.latency_ms is None or len(measurement.process_rounds) < 2:
        return measurement
    rounds = measurement.process_rounds
    parts = tuple(_analyse_part(part, rounds) for part in measurement.parts)
    whole = _add_ranges(measurement.latency_ms, sum_parts(measurement.parts), rounds)
    return dataclasses.replace(measurement, parts=parts, latency_ms=whole)


def analyse_comparison(comparison: Comparison) -> Comparison:
    """Add how much longer the second model takes than the first; nothing after one process only.

    Both ran in the same processes, in turns: each process gives a ratio of its own, in which what slowed them both is
    gone. The ratio is that of their processor times where the device tells them: an invocation that waits for a
    processor takes longer on the wall, and a long one waits more often than a short one.
    """
    if not comparison.first or len(comparison.process_rounds) < 2:
        return comparison
    sides = (comparison.first, comparison.second)
    told = all(part.cpu_ns for parts in sides for part in parts)
    first, second = (sum_cpu(parts) if told else sum_parts(parts) for parts in sides)
    return dataclasses.replace(
        comparison,
        p50=_find_ratio(first, second, comparison.process_rounds, 0.5),
        p90=_find_ratio(first, second, comparison.process_rounds, 0.9),
    )


def total_latency(parts: Sequence[PartMeasurement], rounds: Sequence[int]) -> Latency:
    """Summarise all files of a model together.

    `rounds` says how many samples came from each process. With several processes there are 95 % ranges.
    """
    samples = sum_parts(parts)
    latency = summarise(samples)
    known = len(rounds) > 1 and sum(rounds) == len(samples)
    return _add_ranges(latency, samples, rounds) if known else latency


def _analyse_part(part: PartMeasurement, rounds: Sequence[int]) -> PartMeasurement:
    return dataclasses.replace(part, latency_ms=_add_ranges(part.latency_ms, part.samples_ns, rounds))


def _add_ranges(latency: Latency, samples_ns: Sequence[int], rounds: Sequence[int]) -> Latency:
    return dataclasses.replace(
        latency,
        p50_range=find_range(samples_ns, rounds, 0.5, latency.p50),
        p90_range=find_range(samples_ns, rounds, 0.9, latency.p90),
    )


def find_range(samples_ns: Sequence[int], rounds: Sequence[int], share: float, value: float) -> Range:
    """Tell where a quantile lies with 95 % confidence, other processes included.

    Args:
        samples_ns: of all processes, one after the other.
        rounds: how many of them came from each process, two or more.
        share: which quantile, in (0, 1).
        value: the quantile of all samples, in the unit of the range.
    """
    import numpy as np

    generator = np.random.default_rng(SEED)
    processes = _split(samples_ns, rounds)
    logs = np.log([np.quantile(process, share) for process in processes])
    within = [_resample_blocks(process, share, generator) for process in processes]
    count = len(processes)
    between = student_quantile(CONFIDENCE, count - 1) * float(np.std(logs, ddof=1)) / math.sqrt(count)
    low, high = np.quantile(np.mean(within, axis=0), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    # Around the centre of the resamples: what a quantile of few samples is off by itself is no uncertainty.
    centre = float(np.mean(within))
    down, up = max(between, centre - float(low)), max(between, float(high) - centre)
    return Range(low=value * math.exp(-down), high=value * math.exp(up))


def _resample_blocks(process: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """Logarithms of a quantile of `RESAMPLES` moving-block bootstrap resamples of (n,) samples."""
    import numpy as np

    count = len(process)
    block = max(1, round(math.sqrt(count)))
    blocks = math.ceil(count / block)
    found = []
    step = max(1, CHUNK_NUMBERS // count)
    for begin in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - begin)
        starts = generator.integers(0, count - block + 1, (rows, blocks, 1))
        places = (starts + np.arange(block)).reshape(rows, -1)[:, :count]
        found.append(np.log(np.quantile(process[places], share, axis=1)))
    return np.concatenate(found)


def _find_ratio(first: Sequence[int], second: Sequence[int], rounds: Sequence[int], share: float) -> Ratio:
    import numpy as np

    logs = np.array(
        [
            math.log(np.quantile(theirs, share) / np.quantile(ours, share))
            for ours, theirs in zip(_split(first, rounds), _split(second, rounds), strict=True)
        ]
    )
    centre = float(np.mean(logs))
    half = student_quantile(RATIO_CONFIDENCE, len(logs) - 1) * float(np.std(logs, ddof=1)) / math.sqrt(len(logs))
    return Ratio(
        value=math.exp(centre),
        range=Range(low=math.exp(centre - half), high=math.exp(centre + half)),
        confidence=RATIO_CONFIDENCE,
        different=abs(centre) > half,
    )


def _split(samples_ns: Sequence[int], rounds: Sequence[int]) -> list[np.ndarray]:
    import numpy as np

    return np.split(np.asarray(samples_ns, dtype=np.float64), np.cumsum(rounds)[:-1])


@cache
def student_quantile(confidence: float, freedom: int) -> float:
    """Of Student's distribution the t with P(|T| <= t) = confidence, for at least 1 degree of freedom."""
    low, high = 0.0, 1.0
    while _share_within(high, freedom) < confidence:
        high *= 2
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        if _share_within(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return high


def _share_within(t: float, freedom: int) -> float:
    """P(|T| <= t) for whole degrees of freedom: Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine * cosine * k / (k + 1)
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
