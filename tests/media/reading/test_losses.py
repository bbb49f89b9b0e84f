"""What is lost of a picture has a name, whoever lost it; what only looks so is none."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.support.video_clips import moving_scene, write_clip

from mqn.media.decoding import open_video
from mqn.media.reading.losses import Losses
from mqn.media.video import VideoOptions, convert_video

TICK = Fraction(1, 10)

Expand = Callable[[np.ndarray], np.ndarray]


def watch(packets: Sequence[int], frames: Sequence[int], *, gap: float = 1.75, key: int | None = None) -> Losses:
    losses = Losses(TICK, 1, start=Fraction(0), steady_gap=gap, reordered=2)
    for pts in packets:
        is_key = pts == (packets[0] if key is None else key)
        losses.packet(SimpleNamespace(pts=pts, is_corrupt=False, is_discard=False, is_keyframe=is_key))  # type: ignore[arg-type]
    for pts in frames:
        losses.frame(pts, is_corrupt=False)
    return losses


def without(*missing: int) -> list[int]:
    return [pts for pts in range(20) if pts not in missing]


@pytest.mark.parametrize(
    ("packets", "frames", "told"),
    [
        (range(20), range(20), []),
        # The decoder dropped some: in the middle, at the begin, at the end.
        (range(20), without(5, 6), ["no picture from 0.50 to 0.70 seconds"]),
        (range(20), without(0, 1), ["no picture from 0.00 to 0.20 seconds"]),
        (range(20), without(18, 19), ["no picture from 1.80 to 2.00 seconds"]),
        # The demuxer did.
        (without(5), without(5), ["no picture from 0.50 to 0.60 seconds"]),
        # A recording's end in the order in which pictures are stored.
        (without(18), without(18), []),
        (without(16), without(16), ["no picture from 1.60 to 1.70 seconds"]),
        # No steady video: nothing says that there was more.
        ([0, 1, 4, 5, 9, 10, 12], [0, 1, 4, 5, 9, 10, 12], []),
        # Fields in packets of their own.
        (range(20), range(0, 20, 1), []),
        # One is shown late where a demuxer went on behind the damage.
        (range(40), [*range(10), 20, 10, *range(21, 40)], ["no picture from 1.10 to 2.00 seconds"]),
        # Times that are no times of showing.
        (range(20), [0, 2, 1, 5, 4, 3], []),
    ],
)
def test_gaps_are_told(packets: Sequence[int], frames: Sequence[int], told: list[str]) -> None:
    assert watch(packets, frames).failures() == told


def test_a_gap_is_none_where_a_camera_may_have_left_it() -> None:
    assert watch(without(5, 6), without(5, 6), gap=math.inf).failures() == []
    assert watch(without(5, 6), without(5, 6), gap=3.5).failures() == []


def test_a_recording_that_begins_between_key_frames_is_told_and_no_failure() -> None:
    losses = watch(range(20), range(8, 20), key=8)
    assert losses.failures() == []
    assert losses.notes() == [
        "the video begins in the middle of a group of pictures; it can be seen from 0.80 seconds on"
    ]


def test_many_gaps_are_counted() -> None:
    frames = [pts for pts in range(40) if pts % 7 != 3]
    [told] = watch(range(40), frames).failures()
    assert told == "no picture from 0.30 to 0.40, from 1.00 to 1.10, from 1.70 to 1.80 and 3 more seconds"


def damaged(path: Path, data: bytes, share: float) -> Path:
    """400 bytes of noise, as far into a file as the share says."""
    noisy, place = bytearray(data), int(len(data) * share)
    noisy[place : place + 400] = random.Random(0).randbytes(400)
    path.write_bytes(noisy)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.35, 0.6, 0.95])
@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_damage_in_a_transport_stream_is_told(codec: str, share: float, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.ts", moving_scene(48, 128, 192), codec=codec)
    assert not open_video(clip).failures
    video = open_video(damaged(tmp_path / "d.ts", clip.read_bytes(), share))
    list(video.frames())
    assert video.failures


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_packets_of_a_transport_stream_that_are_gone_are_told(share: float, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.ts", moving_scene(72, 128, 192))
    data = clip.read_bytes()
    place = int(len(data) / 188 * share) * 188
    for count in (3, 16, 48):  # 16: the counter of packets has run round
        clip.write_bytes(data[:place] + data[place + 188 * count :])
        video = open_video(clip)
        list(video.frames())
        assert video.failures, count


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_damage_of_the_sound_alone_is_told_and_the_rest_is_kept(
    suffix: str, tmp_path: Path, halves: Expand, model: dict[str, str]
) -> None:
    clip = write_clip(tmp_path / "c.ts", moving_scene(48), codec="mpeg2video", sound="aac")
    data = bytearray(clip.read_bytes())
    # Packets of the stream that has the second PID, from the middle on.
    places = [place for place in range(0, len(data), 188) if data[place + 1] & 0x1F == 1 and data[place + 2] == 1]
    for place in places[len(places) // 2 : len(places) // 2 + 4]:
        data[place + 12 : place + 188] = random.Random(place).randbytes(176)
    clip.write_bytes(data)
    options = VideoOptions(preset="ultrafast")
    report = convert_video(clip, tmp_path / f"o{suffix}", halves, model=model, options=options)
    assert report.frames == 48
    assert any("of sound" in failure for failure in report.failures)
    silent = VideoOptions(preset="ultrafast", sound=False)
    assert convert_video(clip, tmp_path / "s.mp4", halves, model=model, options=silent).failures == []
