"""Copies a video's sound packet by packet, in step with the picture, and names damage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av

from mqn.media.decoding import demuxed
from mqn.media.reading.losses import counted
from mqn.media.reading.timeline import Clock, Timeline


class Sound:
    """The audio streams of an open file."""

    def __init__(self, given: Any, copies: dict[int, Any], timeline: Timeline) -> None:
        """Begin. `copies`: the streams that the packets go to, by the index of theirs in the file."""
        self._given, self._copies = given, copies
        self._clocks = {stream.index: Clock(timeline, stream.time_base, leads=False) for stream in given.streams.audio}
        self._last: dict[int, int] = {}
        # A recording may begin within a unit of sound: what a decoder says before it has understood one is no damage.
        self._understood: set[int] = set()
        self._left_out = self._marked = 0
        self._broken = ""

    def packets(self) -> Iterator[tuple[float, Any]]:
        """Packets for the copies, each with its time in seconds, which never falls."""
        latest = float("-inf")
        for packet in demuxed(self._given, list(self._given.streams.audio), self._break_off):
            index = packet.stream.index
            if packet.dts is None or not self._is_sound(packet):
                continue
            shift = self._clocks[index].shift(packet.dts, packet.duration or 0)
            packet.dts += shift
            if packet.pts is not None:
                packet.pts += shift
            if packet.dts <= self._last.get(index, packet.dts - 1):
                continue  # Where two recordings are joined they may overlap by a packet.
            self._last[index] = packet.dts
            latest = max(latest, float(packet.dts * packet.time_base))
            packet.stream = self._copies[index]
            yield latest, packet

    def refused(self) -> None:
        """Note that the output's container did not take a packet."""
        self._left_out += 1

    def failures(self) -> list[str]:
        """What is damaged, a clause each; whole when `packets` has ended."""
        told = []
        if self._left_out:
            told.append(f"{counted(self._left_out, 'damaged packet')} of sound left out")
        if self._marked:
            told.append(f"{counted(self._marked, 'damaged packet')} of sound, copied as in the file")
        if self._broken:
            told.append(f"its sound breaks off ({self._broken})")
        return told

    def _break_off(self, reason: str) -> None:
        self._broken = reason

    def _is_sound(self, packet: Any) -> bool:
        """Whether a packet can be copied; counts those that are marked as damaged, or that a decoder refuses."""
        index = packet.stream.index
        if packet.stream.codec_context is not None:
            try:
                if packet.decode():
                    self._understood.add(index)
            except (av.error.FFmpegError, OSError, NotImplementedError):
                if index in self._understood:
                    self._left_out += 1
                    return False
        self._marked += packet.is_corrupt
        return True
