"""How many frames a file promises, to notice one that is cut short."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

_DURATION = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Extent:
    """What a container says of a stream.

    Attributes:
        frames: how many are shown, 0 where it does not say; where `seconds` is known only about how many.
        seconds: when the last frame's time is over; 0 where the frames are counted, or it does not say.
    """

    frames: int
    seconds: float

    def missing(self, frames: int, end: float, step: float) -> str | None:
        """Say in words what is missing; None where nothing is.

        `frames` could be read. The last one's time is over at second `end`; `step` is the seconds between two frames.
        """
        # Containers round times, and count frames that are shown late: two steps are no loss.
        if self.seconds:
            is_short = end < self.seconds - 2 * step
            return f"cut short, ends after {end:.2f} of {self.seconds:.2f} seconds" if is_short else None
        return f"cut short, {frames} of {self.frames} frames could be read" if frames < self.frames else None


def stated_extent(container: Any, stream: Any, rate: Fraction) -> Extent:
    """Look up what is promised."""
    seconds = 0.0
    if "matroska" in container.format.name:
        seconds = _matroska_seconds(stream)
    elif container.format.name == "avi":
        # Its count holds the gaps between frames too.
        seconds = float((stream.duration or 0) * stream.time_base)
    if seconds:
        return Extent(frames=round(seconds * rate), seconds=seconds)
    entries = stream.index_entries
    # What was trimmed by an edit list is in the file and in its count, but not shown.
    if stream.frames and "mp4" in container.format.name and len(entries):
        return Extent(frames=sum(not entry.is_discard for entry in entries), seconds=0.0)
    return Extent(frames=stream.frames, seconds=0.0)


def _matroska_seconds(stream: Any) -> float:
    """Matroska does not count frames; most writers tag each stream with its duration."""
    found = _DURATION.match(stream.metadata.get("DURATION", ""))
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else 0.0
