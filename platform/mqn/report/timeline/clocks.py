"""One clock for a study: how far each machine's clock is from the driver's.

A job begins after the driver handed it out, and ends before the driver has its result. So every span says between which
bounds the offset of its machine lies, and many spans together bound it closely. The smallest offset within the bounds
is taken: 0 where the clocks agree. Where bounds contradict each other, because a clock was set meanwhile, each span is
moved by itself into the time that the driver knows. Drivers of one study are taken to agree about the time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mqn.records import Span


@dataclass(frozen=True, slots=True)
class Bounds:
    """The offset of a machine's clock, added to its times to have the driver's, lies from `low` to `high` seconds."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def offset(self) -> float | None:
        """The smallest offset that is possible; None where there is none."""
        return None if self.low > self.high else min(max(0.0, self.low), self.high)


def find_bounds(spans: Iterable[Span]) -> dict[str, Bounds]:
    """The bounds of each machine's offset, by its name."""
    found: dict[str, Bounds] = {}
    for span in spans:
        if span.host and span.submitted is not None and span.collected is not None:
            known = found.get(span.host, Bounds())
            low, high = span.submitted - span.begin, span.collected - span.end
            found[span.host] = Bounds(max(known.low, low), min(known.high, high))
    return found


def on_one_clock(span: Span, bounds: Mapping[str, Bounds]) -> tuple[float, float]:
    """Begin and end of a span by the driver's clock, in seconds since 1970."""
    offset = bounds.get(span.host, Bounds()).offset
    if offset is not None:
        return span.begin + offset, span.begin + offset + span.seconds
    assert span.submitted is not None
    assert span.collected is not None
    begin = min(max(span.begin, span.submitted), span.collected)
    return begin, min(begin + span.seconds, max(span.collected, begin))
