"""Whether the latency that the gate measured of an untrained network is that of the trained one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mqn.quantities import by_target
from mqn.records import TrialRecord
from mqn.report.front.points import LATENCY, overlap, range_of

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyPair:
    """A trial's latency on one target before and after its training.

    Attributes:
        number: the trial's.
        target: what was measured on.
        ratio: latency of the trained file over that of the untrained one, both medians.
        agree: whether their 95 % ranges overlap.
    """

    number: int
    target: str
    ratio: float
    agree: bool

    @property
    def difference(self) -> float:
        """The ratio, or its reciprocal where that is larger: 1 where both are equal."""
        return max(self.ratio, 1 / self.ratio)


def latency_pairs(records: Iterable[TrialRecord]) -> list[LatencyPair]:
    """The latencies that can be compared: of complete trials, on each target, where both have a range."""
    pairs = []
    for record in records:
        _, before = by_target(record.gate)
        for target, after in record.device_figures.items() if record.state == "complete" else ():
            untrained = before.get(target, {})
            ranges = range_of(untrained, LATENCY), range_of(after, LATENCY)
            if None not in ranges:
                ratio = after[LATENCY] / untrained[LATENCY]
                pairs.append(LatencyPair(number=record.number, target=target, ratio=ratio, agree=overlap(*ranges)))
    return pairs


def agreement_text(pairs: list[LatencyPair]) -> str:
    """Say in how many trials untrained and trained files take the same time; empty where nothing is compared.

    `latency of untrained and trained files: 11 of 12 trials agree within their ranges; largest ratio 1.04 (#7 on
    board); apart: #7 on board`.
    """
    if not pairs:
        return ""
    apart = sorted((pair for pair in pairs if not pair.agree), key=lambda pair: -pair.difference)
    largest = max(pairs, key=lambda pair: pair.difference)
    count, differ = len({pair.number for pair in pairs}), len({pair.number for pair in apart})
    text = (
        f"latency of untrained and trained files: {count - differ} of {count} trials agree within their ranges; "
        f"largest ratio {largest.ratio:.3f} ({_name(largest)})"
    )
    more = f" and {len(apart) - _NAMED} more" if len(apart) > _NAMED else ""
    return f"{text}; apart: {', '.join(map(_name, apart[:_NAMED]))}{more}" if apart else text


def _name(pair: LatencyPair) -> str:
    return f"#{pair.number} on {pair.target}"
