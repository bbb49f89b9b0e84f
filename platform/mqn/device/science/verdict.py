"""Whether a timed pass can be compared with others: a pure function of what was observed.

Three things spoil a timing, and each leaves its trace: somebody else on the processor (our processor time falls behind
the wall clock), a clock that was turned down (frequency or heat), and everything else (the samples spread or drift).
"""

from __future__ import annotations

from collections.abc import Sequence

from mqn.device.science.figures import quantile
from mqn.records import MachineState, Verdict

# A single thread that computes and nothing else uses its processor fully; 5 % are lost only to somebody else.
MIN_CPU_WALL_RATIO = 0.95
# Several threads wait for each other, so their ratio says little; what counts is whether they had processors to run on.
MIN_FREE_SHARE = 0.95
# The limits on spread and drift: README.md of this room tells how they were chosen.
MAX_SPREAD = 0.25
MAX_DRIFT = 0.10
MIN_DRIFT_SAMPLES = 20
MAX_FREQUENCY_DROP = 0.10
MAX_TEMPERATURE_C = 90.0


def judge(
    samples_ns: Sequence[int],
    *,
    threads: int,
    cpu_wall_ratio: float,
    free_processors: float | None,
    before: MachineState,
    after: MachineState,
) -> tuple[Verdict, tuple[str, ...]]:
    """Give a timed pass its verdict.

    Args:
        samples_ns: time of each round, in the order they ran.
        threads: of the runtime.
        cpu_wall_ratio: our processor time over wall time, per thread.
        free_processors: processors' worth of time that others left to us; None where it could not be read.
        before: the machine when the pass began.
        after: and when it ended.

    Returns:
        `ok`, or the gravest verdict that applies (`throttled`, `contended`, `unsteady`, in this order: the earlier ones
        explain the later), with every reason found.
    """
    throttled = _find_throttling(before, after)
    contended = _find_contention(threads, cpu_wall_ratio, free_processors)
    unsteady = _find_unrest(samples_ns)
    found: tuple[tuple[Verdict, list[str]], ...] = (
        ("throttled", throttled),
        ("contended", contended),
        ("unsteady", unsteady),
    )
    verdict: Verdict = next((name for name, reasons in found if reasons), "ok")
    return verdict, (*throttled, *contended, *unsteady)


def _find_throttling(before: MachineState, after: MachineState) -> list[str]:
    reasons = []
    if before.frequency_mhz is not None and after.frequency_mhz is not None:
        drop = 1 - after.frequency_mhz / before.frequency_mhz
        if drop > MAX_FREQUENCY_DROP:
            reasons.append(
                f"the clock fell from {before.frequency_mhz:.0f} to {after.frequency_mhz:.0f} MHz,"
                f" {drop:.0%} (at most {MAX_FREQUENCY_DROP:.0%})"
            )
    if after.temperature_c is not None and after.temperature_c > MAX_TEMPERATURE_C:
        reasons.append(f"{after.temperature_c:.0f} °C at the end (at most {MAX_TEMPERATURE_C:.0f})")
    return reasons


def _find_contention(threads: int, cpu_wall_ratio: float, free_processors: float | None) -> list[str]:
    if threads == 1:
        if cpu_wall_ratio < MIN_CPU_WALL_RATIO:
            return [f"cpu/wall {cpu_wall_ratio:.2f} (at least {MIN_CPU_WALL_RATIO}): others used this processor"]
        return []
    if free_processors is not None and free_processors < MIN_FREE_SHARE * threads:
        return [
            f"others left {free_processors:.2f} processors to {threads} threads"
            f" (at least {MIN_FREE_SHARE * threads:.2f})"
        ]
    return []


def _find_unrest(samples_ns: Sequence[int]) -> list[str]:
    reasons = []
    ordered = sorted(samples_ns)
    spread = quantile(ordered, 0.9) / quantile(ordered, 0.5) - 1
    if spread > MAX_SPREAD:
        reasons.append(f"p90 is {spread:.0%} above p50 (at most {MAX_SPREAD:.0%})")
    if len(samples_ns) >= MIN_DRIFT_SAMPLES:
        half = len(samples_ns) // 2
        first, second = (quantile(sorted(part), 0.5) for part in (samples_ns[:half], samples_ns[half:]))
        drift = second / first - 1
        if abs(drift) > MAX_DRIFT:
            reasons.append(f"the second half's p50 is {drift:+.0%} off the first's (at most {MAX_DRIFT:.0%})")
    return reasons
