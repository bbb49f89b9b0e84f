"""Time stamps of the result: they start at 0, and jumps in a recording are closed.

Broadcast recordings start anywhere (a transport stream's clock runs round in 26.5 hours), and recordings that were put
one behind another start anew in the middle. Picture and sound are moved alike, so that they stay in step.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av

LONGEST_GAP_SECONDS = 10
"""Of a steady clock; a longer one is a jump, as FFmpeg's own tool has it."""

LARGEST_STEP_BACK_SECONDS = Fraction(1, 2)
_ALIKE_SECONDS = 1
_REORDERED = 16
"""Packets of a stream among which the first picture to be shown is."""
_MOST_PACKETS = 5000


@dataclass(slots=True)
class Timeline:
    """The times of one file.

    Attributes:
        start: the file's time that becomes 0, in seconds.
        has_jumps: whether the container is one whose clock may jump (MPEG streams).
        shifts: what is added to the file's times from each jump of its picture on, in seconds, all in all.
    """

    start: Fraction
    has_jumps: bool
    shifts: list[Fraction] = field(default_factory=list)


def earliest(streams: Sequence[Any]) -> Fraction:
    """When the first of some streams starts, in seconds; 0 where none says."""
    starts = [stream.start_time * stream.time_base for stream in streams if stream.start_time is not None]
    return min(starts, default=Fraction(0))


def earliest_packet(container: Any, streams: Sequence[Any]) -> Fraction:
    """The same by the first packets of a container of which nothing has been read yet.

    Where a clock jumps, FFmpeg takes the lowest time it comes upon for the start.
    """
    first: dict[int, Fraction] = {}
    seen: dict[int, int] = dict.fromkeys((stream.index for stream in streams), 0)
    try:
        for packet in itertools.islice(container.demux(list(streams)), _MOST_PACKETS):
            index = packet.stream.index
            if packet.pts is None or seen[index] == _REORDERED:
                continue
            time = packet.pts * packet.time_base
            first.setdefault(index, time)
            seen[index] += 1
            # Pictures are not stored in the order in which they are shown.
            if abs(time - first[index]) < LONGEST_GAP_SECONDS:
                first[index] = min(first[index], time)
            if min(seen.values()) == _REORDERED:
                break
    except (av.error.FFmpegError, OSError):
        pass  # Whoever reads on tells it.
    return min(first.values(), default=Fraction(0))


class Clock:
    """The times of one stream, from those of the file to those of the result."""

    def __init__(self, timeline: Timeline, time_base: Fraction, *, leads: bool) -> None:
        """Begin. `leads`: jumps of this stream decide; else it follows those that are in the timeline."""
        self._timeline, self._time_base, self._leads = timeline, time_base, leads
        self._shift = -round(timeline.start / time_base)
        self._jumps = 0
        self._last: int | None = None
        self._end = 0

    def is_jump(self, time: int) -> bool:
        """Whether a time stamp does not go on where the last one was."""
        if self._last is None or not self._timeline.has_jumps:
            return False
        seconds = (time - self._last) * self._time_base
        return not -LARGEST_STEP_BACK_SECONDS < seconds < LONGEST_GAP_SECONDS

    def shift(self, time: int, duration: int) -> int:
        """The shift of a time stamp."""
        if self.is_jump(time):
            own = self._end - time
            if self._leads:
                self._timeline.shifts.append(own * self._time_base)
            elif self._jumps < len(self._timeline.shifts):
                theirs = round(self._timeline.shifts[self._jumps] / self._time_base)
                # Other jumps than the picture's are this stream's own.
                own = theirs if abs(theirs - own) * self._time_base < _ALIKE_SECONDS else own
            self._shift = own
            self._jumps += 1
        self._last = time
        self._end = time + self._shift + duration
        return self._shift


class Stamps:
    """The time stamps of a stream's frames as they are in the file.

    AVI has no times of showing: what FFmpeg gives for them are times of decoding, out of order where pictures are
    reordered. There the time at which a frame leaves the decoder counts, less what it waited for.

    Attributes:
        are_of_showing: whether the container has times of showing.
    """

    def __init__(self, container: Any, stream: Any, step: int) -> None:
        """Begin, with frames about `step` units of time from one another."""
        self.are_of_showing = container.format.name != "avi"
        self._stream, self._step = stream, step
        self._wait: int | None = 0 if self.are_of_showing else None
        self._next = 0

    def of(self, frame: Any) -> int:
        """A frame's time stamp; a step after the last one where it has none."""
        said = frame.pts if self.are_of_showing else frame.dts
        if said is None:
            said = self._next
        else:
            if self._wait is None:
                begin, depth = self._stream.start_time or 0, self._stream.codec_context.reorder_depth
                self._wait = min(said - begin, depth * self._step)
            said -= self._wait
        self._next = said + self._step
        return int(said)
