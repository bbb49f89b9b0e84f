"""Whether timed passes can be compared with others: a pure function of what was observed.

Four things spoil a timing, and each leaves a trace: other work on the processor (our processor time falls behind
the wall clock, our threads wait), a machine that is slow as a whole (the yardstick), a clock that was turned down
(frequency or heat), and everything else (the samples spread, drift, or differ from process to process).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from mqn.device.passes import TimedResult
from mqn.device.science.figures import quantile, sum_parts
from mqn.records import MachineState, Verdict

# A single thread that only computes uses its processor fully; 5 % are lost only to other work.
MIN_CPU_WALL_RATIO = 0.95
# Several threads wait for each other, so their ratio says little: what counts is whether processors were free.
MIN_FREE_SHARE = 0.95
MAX_WAITED_SHARE = 0.05
MAX_STOLEN_SHARE = 0.05
# The kernel counts others' time in hundredths of a second: beside a few milliseconds one of them says nothing.
MIN_COUNTED_SECONDS = 0.5
# The limits on yardstick, spread, drift and processes: README.md of this room tells how they were chosen.
MAX_YARDSTICK = 1.10
MAX_SPREAD = 0.25
MAX_DRIFT = 0.10
MIN_DRIFT_SAMPLES = 20
MAX_BETWEEN = 0.10
MAX_FREQUENCY_DROP = 0.10
MAX_TEMPERATURE_C = 90.0


def judge(
    passes: Sequence[TimedResult], *, threads: int, yardstick: float | None = None, elsewhere: bool = False
) -> tuple[Verdict, tuple[str, ...]]:
    """Give the timed passes of one job their verdict.

    Args:
        passes: at least one, in the order they ran, all of the same models.
        threads: of the runtime.
        yardstick: the slowest pass's over the device's best of late; None where it is not known.
        elsewhere: whether a delegate computes off the processors (GPU, NPU), so that our thread waits for it.

    Returns:
        `ok`, or the gravest verdict that applies (`throttled`, `contended`, `unsteady`, in this order: the earlier ones
        explain the later), with every reason found.
    """
    totals = [sum_parts(itertools.chain.from_iterable(timed.models)) for timed in passes]
    found: tuple[tuple[Verdict, list[str]], ...] = (
        ("throttled", _find_throttling(passes[0].before, passes[-1].after)),
        ("contended", [*_find_contention(passes, threads, elsewhere=elsewhere), *_find_slowness(yardstick)]),
        ("unsteady", [*_find_unrest(totals), *_find_disagreement(passes)]),
    )
    verdict: Verdict = next((name for name, reasons in found if reasons), "ok")
    return verdict, tuple(reason for _, reasons in found for reason in reasons)


def _find_throttling(before: MachineState, after: MachineState) -> list[str]:
    reasons = []
    if before.frequency_mhz and after.frequency_mhz is not None:
        drop = 1 - after.frequency_mhz / before.frequency_mhz
        if drop > MAX_FREQUENCY_DROP:
            reasons.append(
                f"the clock fell from {before.frequency_mhz:.0f} to {after.frequency_mhz:.0f} MHz,"
                f" {drop:.0%} (at most {MAX_FREQUENCY_DROP:.0%})"
            )
    if after.temperature_c is not None and after.temperature_c > MAX_TEMPERATURE_C:
        reasons.append(f"{after.temperature_c:.0f} °C at the end (at most {MAX_TEMPERATURE_C:.0f})")
    return reasons


def _find_contention(passes: Sequence[TimedResult], threads: int, *, elsewhere: bool) -> list[str]:
    reasons = []
    wall = sum(timed.wall_seconds for timed in passes)
    ratio = sum(timed.cpu_seconds for timed in passes) / wall / threads
    if threads == 1 and not elsewhere and ratio < MIN_CPU_WALL_RATIO:
        reasons.append(f"cpu/wall {ratio:.2f} (at least {MIN_CPU_WALL_RATIO}): others used this processor")
    waited = _sum(timed.waited_seconds for timed in passes)
    if waited is not None and waited > MAX_WAITED_SHARE * threads * wall:
        share = waited / wall / threads
        reasons.append(f"waited for a processor {share:.0%} of the time (at most {MAX_WAITED_SHARE:.0%})")
    if wall < MIN_COUNTED_SECONDS:
        return reasons
    others = _sum(timed.others_seconds for timed in passes)
    if others is not None:
        free = max(0.0, len(passes[0].affinity) - others / wall)
        if free < MIN_FREE_SHARE * threads:
            reasons.append(
                f"others left {free:.2f} processors to {threads} thread{'s' * (threads > 1)}"
                f" (at least {MIN_FREE_SHARE * threads:.2f})"
            )
    stolen = _sum(timed.stolen_seconds for timed in passes)
    if stolen is not None and stolen > MAX_STOLEN_SHARE * wall:
        reasons.append(f"a hypervisor took {stolen / wall:.0%} of a processor (at most {MAX_STOLEN_SHARE:.0%})")
    return reasons


def _sum(values: Iterable[float | None]) -> float | None:
    """None where one of them is not known."""
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)


def _find_slowness(yardstick: float | None) -> list[str]:
    if yardstick is None or yardstick <= MAX_YARDSTICK:
        return []
    return [
        f"the machine was {yardstick - 1:.0%} slower than its best of late (at most {MAX_YARDSTICK - 1:.0%}):"
        " a neighbour that only a fixed piece of work shows"
    ]


def _find_unrest(totals: Sequence[Sequence[int]]) -> list[str]:
    reasons = []
    ordered = sorted(sample for total in totals for sample in total)
    spread = quantile(ordered, 0.9) / quantile(ordered, 0.5) - 1
    if spread > MAX_SPREAD:
        reasons.append(f"p90 is {spread:.0%} above p50 (at most {MAX_SPREAD:.0%})")
    drifts = [_drift(total) for total in totals if len(total) >= MIN_DRIFT_SAMPLES]
    drift = max(drifts, key=abs, default=0.0)
    if abs(drift) > MAX_DRIFT:
        reasons.append(f"the second half's p50 is {drift:+.0%} off the first's (at most {MAX_DRIFT:.0%})")
    medians = [quantile(sorted(total), 0.5) for total in totals]
    between = max(medians) / min(medians) - 1
    if between > MAX_BETWEEN:
        reasons.append(f"p50 differs by {between:.0%} from process to process (at most {MAX_BETWEEN:.0%})")
    return reasons


def _drift(total: Sequence[int]) -> float:
    half = len(total) // 2
    first, second = (quantile(sorted(part), 0.5) for part in (total[:half], total[half:]))
    return second / first - 1


def _find_disagreement(passes: Sequence[TimedResult]) -> list[str]:
    outputs = {tuple(part.output_sha256 for model in timed.models for part in model) for timed in passes}
    return [f"{len(outputs)} different outputs in {len(passes)} processes for the same input"] * (len(outputs) > 1)
