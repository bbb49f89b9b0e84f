"""The rows of a drawn timeline: as few as the jobs of a machine, or of a device, need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mqn.report.timeline.timeline import Bar, Timeline

MOST_ROWS = 120
"""A picture has no more rows; the jobs of those left out are in the trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A row: its name, and the bars in it, none over another."""

    name: str
    bars: tuple[Bar, ...]


def lay_out(timeline: Timeline) -> tuple[list[Drawn], int]:
    """The rows from top to bottom: machines first, then devices. Returns them, and how many were left out."""
    found: list[Drawn] = []
    for node in dict.fromkeys(bar.node for bar in timeline.bars):
        lanes = _pack([bar for bar in timeline.bars if bar.node == node])
        found += [
            Drawn(name=f"{node} {number}" if len(lanes) > 1 else node, bars=tuple(lane))
            for number, lane in enumerate(lanes, start=1)
        ]
    for device in dict.fromkeys(bar.device for bar in timeline.bars if bar.device):
        lanes = _pack([bar for bar in timeline.bars if bar.device == device])
        found += [Drawn(name=f"device {device}", bars=tuple(lane)) for lane in lanes]
    return found[:MOST_ROWS], max(len(found) - MOST_ROWS, 0)


def _pack(bars: Sequence[Bar]) -> list[list[Bar]]:
    """Each bar into the first lane that is free when it begins."""
    lanes: list[list[Bar]] = []
    for bar in sorted(bars, key=lambda bar: bar.begin):
        lane = next((lane for lane in lanes if lane[-1].end <= bar.begin + 1e-3), None)
        if lane is None:
            lanes.append([bar])
        else:
            lane.append(bar)
    return lanes
