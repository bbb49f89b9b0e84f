"""Decodes video: upright sRGB frames with their time stamps, and named faults of the file."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.format import Flags
from av.stream import Disposition

from mqn.errors import VideoError
from mqn.media.extent import Extent, stated_extent
from mqn.media.interpretation import Interpretation, Tags, interpret
from mqn.media.reading.dynamic_range import require_standard_range
from mqn.media.reading.losses import Losses
from mqn.media.reading.planes import code_values, is_rgb
from mqn.media.reading.statements import read_statement
from mqn.media.reading.timeline import Clock, Stamps, Timeline, earliest, earliest_packet
from mqn.media.reading.upright import Crop, orientation_of
from mqn.media.reading.whole import missing_bytes

_ASSUMED_RATE = Fraction(25)


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One frame; its picture is made only when asked for.

    Attributes:
        index: counted from 0.
        pts: its time stamp, in the stream's time base; the result starts at 0.
    """

    index: int
    pts: int
    _frame: Any
    _interpretation: Interpretation
    _crop: Crop

    def ldr(self) -> np.ndarray:
        """The picture: (H, W, 3) float32 in [0, 1], sRGB code values, cropped and upright."""
        stored = self._crop.cut(code_values(self._frame, self._interpretation))
        return np.ascontiguousarray(orientation_of(self._frame).apply(self._interpretation.to_srgb(stored)))


@dataclass(slots=True)
class Video:
    """A video file that was looked at.

    Attributes:
        path: the file.
        width, height: of the upright picture, in pixels.
        time_base: seconds of one unit of the time stamps.
        rate: frames a second, on average.
        aspect: of a pixel, width by height; None where the stream does not say.
        has_audio: whether there is a stream of sound.
        extent: how much the container promises.
        interpretation: how the colours are read.
        timeline: how its time stamps become those of the result; whole when `frames` has ended.
        notes: what a user should know though it is no failure.
        failures: what was wrong; filled while `frames` runs.
    """

    path: Path
    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    aspect: Fraction | None
    has_audio: bool
    extent: Extent
    interpretation: Interpretation
    timeline: Timeline
    _coded_size: tuple[int, int]
    _crop: Crop
    _steady_gap: float
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def frames(self) -> Iterator[DecodedFrame]:
        """Every frame, in the order shown. What is damaged or missing is named in `failures` at the end."""
        with _open(self.path) as container:
            yield from self._frames(container)

    def _frames(self, container: Any) -> Iterator[DecodedFrame]:
        size, index = self._coded_size, 0
        step = max(1, round(1 / self.rate / self.time_base))
        stream = _video_streams(self.path, container)[0]
        stamps = Stamps(container, stream, step)
        losses = Losses(
            self.time_base,
            step,
            start=self.timeline.start,
            steady_gap=self._steady_gap,
            reordered=stream.codec_context.reorder_depth,
            has_times=stamps.are_of_showing,
        )
        self.timeline.shifts.clear()
        clock = Clock(self.timeline, self.time_base, leads=True)
        last: int | None = None
        stamp = end = 0
        for frame in _decode(container, stream, losses):
            if (frame.width, frame.height) != size:
                self.failures.append(
                    f"{self.path}: changes from {size[0]} x {size[1]} to {frame.width} x {frame.height} at frame "
                    f"{index}; what is before was converted, cut the rest off and convert it by itself"
                )
                return
            before, stamp = stamp, stamps.of(frame)
            if clock.is_jump(stamp):
                losses.jump(before, stamp)
            losses.frame(stamp, is_corrupt=frame.is_corrupt)
            pts = stamp + clock.shift(stamp, step)
            # Two frames of one time cannot both be shown; a container would refuse them.
            pts = pts if last is None or pts > last else last + 1
            yield DecodedFrame(index, pts, frame, self.interpretation, self._crop)
            index, last, end = index + 1, pts, max(end, stamp + max(step, frame.duration or 0))
        self.failures += [f"{self.path}: {failure}" for failure in losses.failures()]
        self.notes += losses.notes()
        if missing := missing_bytes(self.path):
            self.failures.append(f"{self.path}: cut off, {missing} bytes of what the container promises are not there")
        seconds, step_seconds = float(end * self.time_base), float(step * self.time_base)
        if short := self.extent.missing(index, seconds, step_seconds):
            self.failures.append(f"{self.path}: {short}")
        if index == 0:
            raise VideoError(f"{self.path}: holds no frame that can be decoded")


def open_video(path: Path, *, transfer: str = "auto", sound: bool = True) -> Video:
    """Open a video file and look at its first frame.

    Args:
        path: any container and codec that FFmpeg reads; the first video stream is taken, cover pictures are not.
        transfer: one of `interpretation.TRANSFERS`.
        sound: whether its sound goes along: the result then starts with what comes first, sound or picture.

    Raises:
        VideoError: the file is missing, damaged, no video, HDR already, or has no frame; names file and reason.
    """
    if not path.is_file() or path.stat().st_size == 0:
        reason = "is empty (0 bytes)" if path.is_file() else "no such file"
        raise VideoError(f"{path}: {reason}")
    with _open(path) as container:
        return _look(path, container, transfer, sound=sound)


def file_name(path: Path) -> str:
    """A path as FFmpeg takes it for that of a file: `http:a.mp4` alone would be an address, `12:30.mp4` a protocol."""
    return str(path.absolute())


def reason_of(error: BaseException) -> str:
    """FFmpeg's own words in one line, without the path."""
    told: str = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(told.split())


def _open(path: Path) -> Any:
    try:
        return av.open(file_name(path), metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: no video that can be read ({reason_of(error)})") from error


def _video_streams(path: Path, container: Any) -> list[Any]:
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "none"
        raise VideoError(f"{path}: has no video stream (streams: {kinds})")
    streams[0].thread_type = "AUTO"
    return streams


def _look(path: Path, container: Any, transfer: str, *, sound: bool) -> Video:
    streams = _video_streams(path, container)
    stream = streams[0]
    statement = read_statement(container, stream)
    frame = next(_decode(container, stream, None), None)
    if frame is None:
        raise VideoError(f"{path}: holds no frame that can be decoded")
    coded = Tags.of(frame)
    notes = require_standard_range(frame, coded, statement, name=str(path))
    tags = coded.completed(statement.tags)
    interpretation = interpret(
        tags,
        name=str(path),
        rgb=is_rgb(frame.format),
        full=frame.format.name.startswith("yuvj"),
        lines=min(frame.width, frame.height),
        transfer=transfer,
    )
    try:
        orientation = orientation_of(frame)
        width, height = statement.crop.size(frame.width, frame.height)
    except VideoError as error:
        raise VideoError(f"{path}: {error}") from error
    width, height = (height, width) if orientation.transposed else (width, height)
    rate = stream.average_rate or stream.guessed_rate
    aspect = stream.sample_aspect_ratio
    notes.insert(0, f"colours: {interpretation}")
    if statement.crop:
        notes.append(f"the container crops the picture ({statement.crop} pixels), and so is the result")
    if orientation.is_mirrored:
        notes.append("the video is stored mirrored; the result is as it is to be shown")
    if any(component.is_alpha for component in frame.format.components):
        notes.append("the video has alpha, which is dropped")
    if frame.interlaced_frame:
        notes.append("the video is interlaced; its frames are taken as they are")
    if rate is None:
        notes.append(f"the video states no frame rate; {_ASSUMED_RATE} a second assumed where time stamps are missing")
    if len(streams) > 1:
        notes.append(f"the video has {len(streams)} video streams; the first is taken")
    shown = [stream, *(container.streams.audio if sound else ())]
    return Video(
        path=path,
        width=width,
        height=height,
        time_base=stream.time_base,
        rate=rate or _ASSUMED_RATE,
        aspect=None if not aspect else 1 / aspect if orientation.transposed else aspect,
        has_audio=bool(container.streams.audio),
        extent=stated_extent(container, stream, rate or _ASSUMED_RATE),
        interpretation=interpretation,
        timeline=_timeline(path, container, shown),
        _coded_size=(frame.width, frame.height),
        _crop=statement.crop,
        _steady_gap=_steady_gap(container.format),
        notes=notes,
    )


def _timeline(path: Path, container: Any, streams: Sequence[Any]) -> Timeline:
    if not container.format.flags & Flags.ts_discont.value:
        return Timeline(start=earliest(streams), has_jumps=False)
    with _open(path) as unread:
        return Timeline(
            start=earliest_packet(unread, [unread.streams[stream.index] for stream in streams]), has_jumps=True
        )


def _steady_gap(kind: Any) -> float:
    """Usual steps from frame to frame from which on a gap in a steady video is a loss; see `Losses`."""
    if kind.flags & Flags.ts_discont.value:
        return 1.75
    # Cameras that write it may leave out a frame or two.
    return 3.5 if "matroska" in kind.name else math.inf


def demuxed(container: Any, streams: Any, broken: Callable[[str], None]) -> Iterator[Any]:
    """Yield the packets of some streams. If the container's structure ends too early, `broken` is told why."""
    packets = container.demux(streams)
    while True:
        try:
            packet = next(packets, None)
        except (av.error.FFmpegError, OSError) as error:
            broken(reason_of(error))
            return
        if packet is None:
            return
        yield packet


def _decode(container: Any, stream: Any, losses: Losses | None) -> Iterator[Any]:
    """Yield frames as they come. What cannot be read or decoded is reported to `losses`."""
    packets = demuxed(container, stream, losses.broken if losses else lambda _: None)
    # None makes the decoder give what it still holds, if no last, empty packet has done so.
    for packet in itertools.chain(packets, [None]):
        if packet is not None and packet.size and losses:
            losses.packet(packet)
        try:
            yield from stream.codec_context.decode(packet) if packet is None else packet.decode()
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, OSError):
            if losses:
                losses.left_out += 1
        if packet is None or packet.size == 0:
            return
