"""Finds lost pictures of a video: by container, decoder and time stamps."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from fractions import Fraction
from statistics import median
from typing import Any

_SHOWN = 3
"""Gaps that are named one by one."""

_STEADY_SHARE = 0.9
_LATE_SHARE = 0.1


class Losses:
    """Follows packets and frames through a file, and says at the end what is missing.

    Attributes:
        left_out: packets that the decoder refused.
    """

    def __init__(
        self,
        time_base: Fraction,
        step: int,
        *,
        start: Fraction,
        steady_gap: float,
        reordered: int,
        has_times: bool = True,
    ) -> None:
        """Begin.

        Args:
            time_base: seconds of one unit of the time stamps.
            step: units from one frame to the next, about.
            start: the file's time that is told as 0, in seconds.
            steady_gap: usual steps from which on a gap in a steady video is a loss: where a demuxer leaves out what is
                damaged without a word (MPEG streams, Matroska); infinite where it does not.
            reordered: frames that may be stored before one that is shown earlier. A recording ends in the order in
                which they are stored, so that before so many of the last ones some may be left out.
            has_times: whether packets have the times at which their pictures are shown.
        """
        self._time_base, self._step, self._start, self._steady_gap = time_base, step, start, steady_gap
        self._reordered, self._has_times = reordered, has_times
        self._packets: list[int] = []
        self._frames: list[int] = []
        self._runs: list[int] = [0]
        self._key: int | None = None
        self._marked = self._mended = 0
        self.left_out = 0
        self._broken = ""
        self._jumps: list[str] = []

    def packet(self, packet: Any) -> None:
        """See a packet before it is decoded."""
        self._marked += packet.is_corrupt
        if packet.pts is None or packet.is_discard or not self._has_times:
            return
        if self._key is None and packet.is_keyframe:
            self._key = packet.pts
        self._packets.append(packet.pts)

    def frame(self, pts: int, *, is_corrupt: bool) -> None:
        """See a frame, its time stamp as it is in the file."""
        self._frames.append(pts)
        self._mended += is_corrupt

    def jump(self, before: int, after: int) -> None:
        """Note that time stamps jump, before `frame` is told the second one."""
        self._runs.append(len(self._frames))
        self._jumps.append(f"from {self._seconds(before)} to {self._seconds(after)}")

    def broken(self, reason: str) -> None:
        """Note that the container cannot be read any further."""
        self._broken = reason

    def failures(self) -> list[str]:
        """What was lost, a clause each."""
        told = []
        if self.left_out:
            told.append(f"{counted(self.left_out, 'damaged packet')} left out")
        if self._marked:
            told.append(f"{counted(self._marked, 'packet')} damaged or incomplete in the file")
        if self._mended:
            told.append(f"{counted(self._mended, 'damaged frame')}, kept as the decoder mended them")
        if self._jumps:
            told.append(f"its time stamps jump {_listed(self._jumps)} seconds; what follows is joined on")
        if gaps := self._gaps():
            told.append(
                f"no picture {_listed([f'from {self._seconds(a)} to {self._seconds(b)}' for a, b in gaps])} seconds"
            )
        if self._broken:
            told.append(f"breaks off ({self._broken})")
        return told

    def notes(self) -> list[str]:
        """What is worth knowing and no failure, a clause each."""
        if self._key is None or not self._frames:
            return []
        early = self._lost_before(self._frames[0])
        if not early or early[0] >= self._key:
            return []
        first = self._seconds(self._frames[0])
        return [f"the video begins in the middle of a group of pictures; it can be seen from {first} seconds on"]

    def _gaps(self) -> list[tuple[int, int]]:
        gaps = []
        for begin, end in itertools.pairwise([*self._runs, len(self._frames)]):
            frames = self._frames[begin:end]
            # Where a demuxer goes on behind damage, a decoder may show some frames late.
            gaps += self._gaps_of(sorted(frames)) if _is_in_order(frames) else []
        if self._frames and len(self._runs) == 1 and _is_in_order(self._frames):
            first, last = min(self._frames), max(self._frames)
            early = [pts for pts in self._lost_before(first) if self._key is None or pts >= self._key]
            late = [pts for pts in self._packets if pts > last + self._step / 2]
            gaps = [*([(early[0], first)] if early else []), *gaps]
            gaps += [(last + self._step, max(late) + self._step)] if late else []
        return gaps

    def _lost_before(self, first: int) -> list[int]:
        return sorted(pts for pts in self._packets if pts < first - self._step / 2)

    def _gaps_of(self, frames: Sequence[int]) -> list[tuple[int, int]]:
        steps = [after - before for before, after in itertools.pairwise(frames)]
        if not steps:
            return []
        usual = median(steps)
        steady = sum(abs(step - usual) <= usual / 10 for step in steps) >= _STEADY_SHARE * len(steps)
        packets = sorted(self._packets)
        gaps = []
        for index, (before, after) in enumerate(itertools.pairwise(frames)):
            if after - before <= 1.5 * self._step:
                continue
            # Packets whose pictures did not come; or none where a steady stream should have had some.
            inner = bisect.bisect_left(packets, after - self._step / 2) - bisect.bisect_right(
                packets, before + self._step / 2
            )
            is_tail = index >= len(frames) - 1 - self._reordered
            if inner > 0 or (steady and not is_tail and after - before > self._steady_gap * usual):
                gaps.append((before + round(usual), after))
        return gaps

    def _seconds(self, pts: int) -> str:
        return f"{float(pts * self._time_base - self._start):.2f}"


def _is_in_order(frames: Sequence[int]) -> bool:
    """Whether most frames are in the order of their times. AVI has times of decoding, which say nothing here."""
    late = sum(before >= after for before, after in itertools.pairwise(frames))
    return late <= _LATE_SHARE * len(frames)


def counted(number: int, thing: str) -> str:
    """`1 packet`, `2 packets`."""
    return f"{number} {thing}{'s' if number != 1 else ''}"


def _listed(clauses: Sequence[str]) -> str:
    more = f" and {len(clauses) - _SHOWN} more" if len(clauses) > _SHOWN else ""
    return ", ".join(clauses[:_SHOWN]) + more
