"""Start times, jumps of a clock, and sound in step with its picture."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.support.video_clips import RATE, moving_scene, write_clip

from mqn.media.decoding import open_video
from mqn.media.reading.timeline import Clock, Timeline
from mqn.media.video import VideoOptions, VideoReport, convert_video

PICTURES = moving_scene(12)
TICK = Fraction(1, 10)

Expand = Callable[[np.ndarray], np.ndarray]


def convert(source: Path, output: Path, expand: Expand, model: dict[str, str], *, sound: bool = True) -> VideoReport:
    options = VideoOptions(preset="ultrafast", sound=sound)
    return convert_video(source, output, expand, model=model, options=options)


def spans(path: Path) -> dict[str, tuple[float, float]]:
    """When each kind of stream begins and ends, by its packets."""
    found: dict[str, list[Fraction]] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size:
                found.setdefault(packet.stream.type, []).append(packet.pts * packet.time_base)
    return {kind: (float(min(times)), float(max(times))) for kind, times in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("start", [1, 20000, 95443])  # the clock of transport streams runs round at 95443.7 s
def test_a_recording_starts_at_0(
    start: int, suffix: str, tmp_path: Path, halves: Expand, model: dict[str, str]
) -> None:
    times = [start * RATE.numerator + index for index in range(24)]
    clip = write_clip(
        tmp_path / "c.ts", moving_scene(24), codec="mpeg2video", times=times, sound="aac", sound_from=start
    )
    output = tmp_path / f"o{suffix}"
    report = convert(clip, output, halves, model)
    assert (report.failures, report.frames) == ([], 24)
    found = spans(output)
    assert -0.05 < found["video"][0] < 0.05
    assert abs(found["video"][1] - found["video"][0] - 23 / 24) < 0.01
    # Sound was a unit of AAC ahead, and still is.
    assert -0.05 < found["audio"][0] - found["video"][0] <= 0.001


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(("picture_from", "sound_from"), [(2, 3), (3, 2)])
def test_what_begins_later_still_does(
    picture_from: int, sound_from: int, suffix: str, tmp_path: Path, halves: Expand, model: dict[str, str]
) -> None:
    times = [picture_from * RATE.numerator + index for index in range(24)]
    pictures = moving_scene(24)
    clip = write_clip(tmp_path / "c.mkv", pictures, times=times, sound="aac", sound_from=sound_from)
    output = tmp_path / f"o{suffix}"
    convert(clip, output, halves, model)
    found = spans(output)
    assert abs(min(begin for begin, _ in found.values())) < 0.05
    assert abs(found["audio"][0] - found["video"][0] - (sound_from - picture_from)) < 0.03
    # Left out, the sound does not make the picture wait.
    convert(clip, tmp_path / "silent.mp4", halves, model, sound=False)
    assert abs(spans(tmp_path / "silent.mp4")["video"][0]) < 0.05


def test_a_negative_start_becomes_0(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    clip = write_clip(tmp_path / "c.mkv", PICTURES, codec="mjpeg", pixels="yuvj420p", times=range(24, 36))
    data = clip.read_bytes()
    # The block's 16 bits of time, in milliseconds: all are 3 s earlier, so the first is at -2 s.
    moved = bytearray(data)
    place = data.index(b"\x1f\x43\xb6\x75")
    place = data.index(b"\xe7", place)
    size = data[place + 1] & 0x7F
    value = int.from_bytes(data[place + 2 : place + 2 + size], "big")
    assert value == 1000
    moved[place + 2 : place + 2 + size] = (0).to_bytes(size, "big")
    clip.write_bytes(moved)
    convert(clip, tmp_path / "o.mp4", halves, model)
    assert abs(spans(tmp_path / "o.mp4")["video"][0]) < 0.01


def test_recordings_one_behind_the_other_are_joined_and_told(
    tmp_path: Path, halves: Expand, model: dict[str, str]
) -> None:
    parts = []
    for start in (500, 20):
        times = [start * RATE.numerator + index for index in range(24)]
        part = tmp_path / f"{start}.ts"
        write_clip(part, moving_scene(24), codec="mpeg2video", times=times, sound="mp2", sound_from=start)
        parts.append(part.read_bytes())
    joined = tmp_path / "both.ts"
    joined.write_bytes(b"".join(parts))
    report = convert(joined, tmp_path / "o.mkv", halves, model)
    assert report.frames == 48
    assert any("its time stamps jump from 0.9" in failure for failure in report.failures)
    found = spans(tmp_path / "o.mkv")
    assert found["video"][1] - found["video"][0] == pytest.approx(47 / 24, abs=0.02)
    assert found["audio"][1] == pytest.approx(found["video"][1], abs=0.1)


def test_frames_of_a_sequence_are_timed_from_0(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    times = [240 + index for index in range(12)]
    video = open_video(write_clip(tmp_path / "c.ts", PICTURES, codec="mpeg2video", times=times))
    assert [round(frame.pts * video.time_base * RATE) for frame in video.frames()] == list(range(12))


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_reordered_pictures_of_an_avi_file_come_evenly_from_0(codec: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.avi", moving_scene(24), codec=codec)
    video = open_video(clip)
    assert [frame.pts * video.time_base * RATE for frame in video.frames()] == list(range(24))
    assert video.failures == []


def test_a_stream_follows_the_jumps_of_the_picture() -> None:
    timeline = Timeline(start=Fraction(100), has_jumps=True)
    picture = Clock(timeline, TICK, leads=True)
    assert [time + picture.shift(time, 1) for time in (1000, 1001, 1002, 50, 51)] == [0, 1, 2, 3, 4]
    sound = Clock(timeline, TICK / 10, leads=False)
    # Two ticks of the picture later than it would by itself.
    assert [time + sound.shift(time, 10) for time in (10000, 10010, 520, 530)] == [0, 10, 50, 60]


def test_a_jump_of_the_sound_alone_is_its_own() -> None:
    timeline = Timeline(start=Fraction(0), has_jumps=True, shifts=[Fraction(-3600)])
    sound = Clock(timeline, TICK, leads=False)
    assert [time + sound.shift(time, 1) for time in (0, 1, 5000, 5001)] == [0, 1, 2, 3]


def test_long_pauses_are_no_jumps_where_clocks_do_not_jump() -> None:
    clock = Clock(Timeline(start=Fraction(0), has_jumps=False), TICK, leads=True)
    assert [clock.shift(time, 1) for time in (0, 5000, 100)] == [0, 0, 0]
