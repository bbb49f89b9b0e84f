"""Real small files in, upright pictures and time stamps out; everything that is wrong has a name."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.support.video_clips import RATE, moving_scene, write_clip

from mqn.errors import VideoError
from mqn.media.decoding import open_video

PICTURES = moving_scene()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codec", "pixels", "suffix"),
    [
        ("libx264", "yuv420p", ".mp4"),
        ("libx264", "yuv444p", ".mkv"),
        ("libx264", "yuv422p", ".mov"),
        ("libx264", "nv12", ".mp4"),
        ("libx264", "yuv420p10le", ".mp4"),
        ("mpeg4", "yuv420p", ".avi"),
        ("mjpeg", "yuvj420p", ".mov"),
        ("ffv1", "bgr0", ".mkv"),
        ("ffv1", "bgra", ".mkv"),
        ("ffv1", "yuva420p", ".mkv"),
    ],
)
def test_pictures_come_back(codec: str, pixels: str, suffix: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / f"c{suffix}", PICTURES, codec=codec, pixels=pixels, tagged=codec == "libx264")
    video = open_video(clip, transfer="srgb")
    frames = list(video.frames())
    assert len(frames) == 12
    error = np.abs(frames[5].ldr() - PICTURES[5] / 255)
    # Untagged small clips are read as BT.601 as players do, although they were written as BT.709.
    assert error.mean() < (0.02 if codec in ("libx264", "ffv1") else 0.08)
    assert video.failures == []
    assert any("alpha" in note for note in video.notes) == (pixels in ("bgra", "yuva420p"))


def test_time_stamps_are_kept_also_when_uneven(tmp_path: Path) -> None:
    times = [0, 1, 2, 5, 6, 10, 11, 12, 20, 21, 22, 30]
    video = open_video(write_clip(tmp_path / "c.mp4", PICTURES, times=times))
    found = [frame.pts * video.time_base * RATE for frame in video.frames()]
    assert found == [Fraction(time) for time in times]


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_pictures_are_turned_upright(degrees: int, tmp_path: Path) -> None:
    pictures = [picture[:48] for picture in PICTURES]
    clip = write_clip(tmp_path / "c.mp4", pictures, rotation=degrees)
    video = open_video(clip, transfer="srgb")
    picture = next(video.frames()).ldr()
    assert (video.height, video.width) == picture.shape[:2] == ((48, 64) if degrees == 180 else (64, 48))
    # A display matrix of +90 turns counterclockwise.
    assert np.abs(picture - np.rot90(pictures[0] / 255, degrees // 90)).mean() < 0.02


def test_a_file_that_is_no_video_is_one_line(tmp_path: Path) -> None:
    for name, content, reason in (
        ("a.mp4", b"", "is empty"),
        ("b.mp4", b"not a video" * 99, "no video that can be read"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(VideoError, match=rf"{name}: {reason}"):
            open_video(tmp_path / name)
    with pytest.raises(VideoError, match="no such file"):
        open_video(tmp_path / "absent.mp4")


def test_a_file_of_sound_has_no_video_stream(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.m4a"), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(VideoError, match=r"has no video stream \(streams: audio\)"):
        open_video(tmp_path / "a.m4a")


def test_a_container_without_frames_is_named(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.mkv", PICTURES[:1], codec="ffv1", pixels="yuv420p")
    data = clip.read_bytes()
    clip.write_bytes(data[: data.index(b"\x1f\x43\xb6\x75")])
    with pytest.raises(VideoError, match=r"c\.mkv: (holds no frame|no video that can be read)"):
        open_video(clip)


def test_a_video_cut_short_gives_what_there_is_and_says_so(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES, codec="mpeg4", options={"movflags": "+faststart"})
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 7 // 10])
    video = open_video(clip)
    count = len(list(video.frames()))
    assert 0 < count < 12
    assert video.failures[-1] == f"{clip}: cut short, {count} of 12 frames could be read"


def test_a_matroska_file_cut_short_says_so(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.mkv", PICTURES, codec="mjpeg", pixels="yuvj420p")
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 6 // 10])
    video = open_video(clip)
    assert 0 < len(list(video.frames())) < 12
    assert "cut short, ends after" in video.failures[-1]
    assert "of 0.50 seconds" in video.failures[-1]


def test_gaps_in_an_avi_file_are_no_loss(tmp_path: Path) -> None:
    times = [0, 1, 2, 5, 6, 7, 8, 9, 13, 14, 15, 16]
    video = open_video(write_clip(tmp_path / "c.avi", PICTURES, codec="mpeg4", times=times))
    assert [frame.pts * video.time_base * RATE for frame in video.frames()] == times
    assert video.failures == []


def test_frames_that_an_edit_list_hides_are_no_loss(tmp_path: Path) -> None:
    clip, trimmed = write_clip(tmp_path / "c.mp4", PICTURES), tmp_path / "trimmed.mp4"
    with av.open(str(clip)) as given, av.open(str(trimmed), "w") as container:
        stream = container.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                # What lies before 0 is hidden.
                packet.pts, packet.dts = (
                    time - round(5 / RATE / packet.time_base) for time in (packet.pts, packet.dts)
                )
                packet.stream = stream
                container.mux_one(packet)
    video = open_video(trimmed)
    assert len(list(video.frames())) == 7
    assert video.failures == []


def test_damaged_frames_are_counted(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.mp4", moving_scene(12, 128, 128))
    data = bytearray(clip.read_bytes())
    middle = data.index(b"mdat") + 4000
    data[middle : middle + 40] = b"\x55" * 40
    clip.write_bytes(data)
    video = open_video(clip)
    assert len(list(video.frames())) == 12
    assert any("damaged frame" in failure for failure in video.failures)


def test_a_video_without_its_index_is_one_line(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES)
    clip.write_bytes(clip.read_bytes().partition(b"moov")[0])
    with pytest.raises(VideoError, match=r"c\.mp4: no video that can be read \(Invalid data"):
        open_video(clip)


def test_a_change_of_size_ends_the_video_with_a_reason(tmp_path: Path) -> None:
    parts = [write_clip(tmp_path / f"{side}.ts", moving_scene(6, side, side), codec="mpeg2video") for side in (64, 96)]
    joined = tmp_path / "both.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    video = open_video(joined)
    count = len(list(video.frames()))
    assert 0 < count <= 6
    assert f"changes from 64 x 64 to 96 x 96 at frame {count}" in video.failures[0]


def test_hdr_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"is HDR already \(PQ\)"):
        open_video(write_clip(tmp_path / "c.mp4", PICTURES, transfer=16))
