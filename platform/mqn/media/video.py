"""Converts a video, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mqn.errors import UsageError
from mqn.hdr.transfer import PQ_PEAK_NITS, srgb_decode
from mqn.media.decoding import DecodedFrame, Video, open_video
from mqn.media.flicker import Flicker, Level, damp, is_cut, key, measure, thumbnail
from mqn.media.interpretation import TRANSFERS
from mqn.media.pictures import Expand, require_other_file
from mqn.media.writing.encoding import PRESETS, Coding
from mqn.media.writing.exr_sequence import ExrSink
from mqn.media.writing.hdr10 import ContentLight
from mqn.media.writing.hdr10_file import Hdr10Sink
from mqn.media.writing.joining import CONTAINERS, require_sound_fits
from mqn.media.writing.sink import Sink
from mqn.parsing import file_hash, to_plain

REVISION = 2
"""Of what makes the results: another one does not take up an older one's work."""

Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions:
    """How a video is converted.

    Attributes:
        peak_nits: cd/m2 of the reconstruction's 1.0; above 1 and at most 10000.
        damp_seconds: time constant of the gain's smoothing, 0 for none.
        transfer: of the input, one of `interpretation.TRANSFERS`.
        colours: primaries of an EXR sequence, `bt709` or `bt2020`; HDR10 is BT.2020 always.
        crf: x265's constant rate factor, 0 to 51.
        preset: x265's.
        sound: whether audio streams are copied.
    """

    peak_nits: float = 1000.0
    damp_seconds: float = 0.0
    transfer: str = "auto"
    colours: str = "bt709"
    crf: float = 16.0
    preset: str = "medium"
    sound: bool = True

    def __post_init__(self) -> None:
        """Check the values; raises `UsageError` if one is out of its range."""
        if not 1 < self.peak_nits <= PQ_PEAK_NITS:
            raise UsageError(f"--peak-nits {self.peak_nits:g} must be above 1 and at most {PQ_PEAK_NITS:g}")
        if not 0 <= self.damp_seconds <= 3600:
            raise UsageError(f"--damp {self.damp_seconds:g} must be 0 (none) to 3600 seconds")
        if self.transfer not in TRANSFERS:
            raise UsageError(f"--input-transfer {self.transfer!r}; allowed: {', '.join(TRANSFERS)}")
        if not 0 <= self.crf <= 51:
            raise UsageError(f"--crf {self.crf:g} must be 0 (best) to 51")
        if self.preset not in PRESETS:
            raise UsageError(f"--preset {self.preset!r}; allowed: {', '.join(PRESETS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoReport:
    """What came of a video.

    Attributes:
        written: the files.
        frames: how many were written.
        resumed: how many of them an earlier, interrupted conversion had finished.
        flicker: before and after damping.
        light: MaxCLL and MaxFALL as stated in an HDR10 file, cd/m2; None for an EXR sequence.
        notes: what a user should know.
        failures: what was wrong with the input; the frames that could be read were converted.
    """

    written: list[Path]
    frames: int
    resumed: int
    flicker: Flicker
    light: ContentLight | None
    notes: list[str]
    failures: list[str]


def convert_video(
    source: Path,
    output: Path,
    expand: Expand,
    *,
    model: dict[str, Any],
    options: VideoOptions,
    advance: Advance | None = None,
) -> VideoReport:
    """Convert a video; go on where an interrupted conversion of the same input, model and options stopped.

    One frame is held at a time, beside what the encoder looks ahead, and of each finished one less than 1 kB: its time,
    level and light.

    Args:
        source: the input.
        output: a .mp4, .mov or .mkv file to become HDR10; a folder or a pattern (`shot_%05d.exr`) for EXR files.
        expand: the model: (H, W, 3) sRGB in [0, 1] to (H, W, 3) linear BT.709, 1.0 = the scene's scale.
        model: what identifies it, plain values.
        options: how.
        advance: told after each frame: how many are done, and of how many (0 for unknown).

    Returns:
        The report. An input that is cut short, damaged or changes its size is converted as far as it can be read, and
        named in `failures`.

    Raises:
        VideoError: nothing can be read or written; finished frames stay where the next run finds them.
        UsageError: the output's suffix is none of these, or it is the input itself, or a folder has a video's name.
    """
    kind = output.suffix.lower()
    if kind not in (*CONTAINERS, ".exr") and (kind and not output.is_dir()):
        allowed = ", ".join(CONTAINERS)
        raise UsageError(f"cannot write video as {kind!r}; allowed: {allowed}, a folder, or a pattern like f_%06d.exr")
    if kind in CONTAINERS and output.is_dir():
        raise UsageError(f"{output} is a folder; name a file, or a folder whose name does not end in {kind}")
    video = open_video(source, transfer=options.transfer, sound=options.sound and kind in CONTAINERS)
    require_other_file(source, output)
    # What the other kind of output needs does not decide this one.
    unused = {"colours"} if kind in CONTAINERS else {"crf", "preset", "sound"}
    used = {name: value for name, value in to_plain(options).items() if name not in unused}
    work = {"input": file_hash(source), "model": model, "options": used, "revision": REVISION}
    sink: Sink = (
        _hdr10(video, output, work, options)
        if kind in CONTAINERS
        else ExrSink(output, work, colours=options.colours, peak_nits=options.peak_nits)
    )
    resumed = len(sink.finished)
    levels = _Levels(video, sink, options.damp_seconds)
    for frame in video.frames():
        if frame.index < resumed:
            levels.skip(frame)
        else:
            ldr = frame.ldr()
            level, light = levels.level(frame, ldr, expand(ldr))
            sink.write(light, frame.pts, level)
        if advance is not None:
            advance(frame.index + 1, video.extent.frames)
    written = sink.complete()
    return VideoReport(
        written=written,
        frames=len(levels.all),
        resumed=resumed,
        flicker=measure(levels.all, options.damp_seconds),
        light=sink.content,
        notes=[*video.notes, *sink.notes],
        failures=[*video.failures, *(f"{source}: {failure}" for failure in sink.failures)],
    )


class _Levels:
    """Follows the gain through the video."""

    def __init__(self, video: Video, sink: Sink, damp_seconds: float) -> None:
        self.all = [record.level for record in sink.finished]
        self.clipped = sink.clipped
        self._time_base = video.time_base
        self._damp_seconds = damp_seconds
        self._resumed = len(self.all)
        self._thumbnail: np.ndarray | None = None

    def skip(self, frame: DecodedFrame) -> None:
        if frame.index == self._resumed - 1:
            self._thumbnail = thumbnail(frame.ldr())

    def level(self, frame: DecodedFrame, ldr: np.ndarray, light: np.ndarray) -> tuple[Level, np.ndarray]:
        """The frame's level, and its light damped."""
        small = thumbnail(ldr)
        cut = self._thumbnail is not None and is_cut(self._thumbnail, small)
        self._thumbnail = small
        seconds = float(frame.pts * self._time_base)
        own = key(srgb_decode(ldr))
        gain = key(light) - own
        smoothed = damp(gain, seconds, self.all[-1] if self.all else None, self._damp_seconds, cut=cut)
        written = gain
        if smoothed != gain:
            light = light * np.float32(10 ** (smoothed - gain))
            light = np.minimum(light, 1) if self.clipped else light
            written = key(light) - own
        level = Level(seconds=seconds, gain=gain, smoothed=smoothed, written=written, cut=cut)
        self.all.append(level)
        return level, light


def _hdr10(video: Video, output: Path, work: dict[str, Any], options: VideoOptions) -> Sink:
    sound = video.path if options.sound and video.has_audio else None
    if sound is not None:
        require_sound_fits(sound, output.suffix.lower())
    if video.width % 2 or video.height % 2:
        video.notes.append(
            f"{video.width} x {video.height} becomes {video.width + video.width % 2} x "
            f"{video.height + video.height % 2}: 4:2:0 has no odd sizes, the last row or column is repeated"
        )
    coding = Coding(
        width=video.width + video.width % 2,
        height=video.height + video.height % 2,
        time_base=video.time_base,
        rate=video.rate,
        aspect=video.aspect,
        crf=options.crf,
        preset=options.preset,
    )
    return Hdr10Sink(output, coding, work, peak_nits=options.peak_nits, sound=sound, timeline=video.timeline)
