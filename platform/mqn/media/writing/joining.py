"""Joins finished runs to one file: time stamps, metadata, the input's sound."""

from __future__ import annotations

import heapq
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av

from mqn.errors import VideoError
from mqn.media.decoding import file_name, reason_of
from mqn.media.reading.timeline import Timeline
from mqn.media.writing.encoding import Coding, Encoded, template
from mqn.media.writing.hdr10 import ContentLight, messages, with_messages
from mqn.media.writing.sound import Sound

CONTAINERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}


def require_sound_fits(source: Path, suffix: str) -> None:
    """Check early that the output's container takes the input's sound; raises `VideoError` if it does not."""
    with av.open(file_name(source), metadata_errors="replace") as given:
        for stream in given.streams.audio:
            try:
                with av.open(io.BytesIO(), "w", format=CONTAINERS[suffix]) as container:
                    container.add_stream_from_template(stream)
                    container.start_encoding()
            except (av.error.FFmpegError, OSError, ValueError) as error:
                name = stream.codec_context.name if stream.codec_context else "unknown"
                raise VideoError(
                    f"{source}: its sound ({name}) does not fit into {suffix} ({reason_of(error)}); "
                    "write .mkv, or leave it out with --no-audio"
                ) from error


def decoding_times(pts: Sequence[int]) -> list[int]:
    """Time stamps of decoding for packets in decoding order: rising, none later than its `pts`.

    Every run's encoder makes its own, which need not rise from one run to the next where frames are not evenly spaced.
    """
    shown = sorted(pts)
    rank = {time: place for place, time in enumerate(shown)}
    delay = max((place - rank[time] for place, time in enumerate(pts)), default=0)
    step = shown[1] - shown[0] if len(shown) > 1 else 1
    early = [shown[0] - (delay - place) * step for place in range(min(delay, len(pts)))]
    return early + shown[: len(shown) - len(early)]


def join(
    output: Path,
    packets: Iterable[Encoded],
    pts: Sequence[int],
    coding: Coding,
    *,
    peak_nits: float,
    content: ContentLight,
    sound: Path | None,
    timeline: Timeline,
) -> list[str]:
    """Write the file; returns what of the sound is damaged, a clause each.

    Args:
        output: its suffix is one of `CONTAINERS`.
        packets: of all runs, in decoding order.
        pts: theirs.
        coding: as they were encoded.
        peak_nits: as `hdr10.mastering_display` takes it.
        content: of the whole video.
        sound: the file whose audio streams are copied, None for none.
        timeline: of that file, as its picture was moved.

    Raises:
        VideoError: the file cannot be written.
    """
    place = file_name(output)
    fast = {"movflags": "+faststart"} if output.suffix.lower() != ".mkv" else {}
    try:
        with (
            template(coding, peak_nits, content) as shape,
            av.open(place, "w", container_options=fast) as file,
        ):
            stream = file.add_stream_from_template(shape.streams.video[0])
            stream.time_base = coding.time_base
            if output.suffix.lower() != ".mkv":
                # Parameter sets stand in the sample entry only; some players refuse `hev1`.
                stream.codec_context.codec_tag = "hvc1"
            added = messages(peak_nits, content)
            video = _video_packets(packets, pts, coding, stream, added)
            if sound is None:
                for _, packet in video:
                    file.mux_one(packet)
                return []
            with av.open(file_name(sound), metadata_errors="replace") as given:
                copies = {audio.index: file.add_stream_from_template(audio) for audio in given.streams.audio}
                copied = Sound(given, copies, timeline)
                for _, packet in heapq.merge(video, copied.packets(), key=lambda timed: timed[0]):
                    try:
                        file.mux_one(packet)
                    except av.error.InvalidDataError:
                        if packet.stream is stream:
                            raise
                        copied.refused()
                return copied.failures()
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{output.name}: cannot be written ({reason_of(error)})") from error


def _video_packets(
    packets: Iterable[Encoded], pts: Sequence[int], coding: Coding, stream: Any, added: bytes
) -> Iterator[tuple[float, Any]]:
    shown = sorted(pts)
    usual = max(1, round(1 / coding.rate / coding.time_base))
    following = dict(itertools.pairwise(shown))
    for encoded, dts in zip(packets, decoding_times(pts), strict=True):
        packet = av.Packet(with_messages(encoded.data, added if encoded.is_key else b""))
        packet.stream, packet.time_base = stream, coding.time_base
        packet.pts, packet.dts = encoded.pts, dts
        packet.duration = following.get(encoded.pts, encoded.pts + usual) - encoded.pts
        packet.is_keyframe = encoded.is_key
        yield float(dts * coding.time_base), packet
