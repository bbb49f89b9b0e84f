"""Whole conversions of real small clips: metadata, light, time stamps, sound, resuming."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenEXR
import pytest
from tests.support.video_clips import RATE, moving_scene, write_clip

from mqn.errors import UsageError, VideoError
from mqn.hdr.primaries import change_primaries
from mqn.hdr.transfer import pq_decode, srgb_decode
from mqn.media.decoding import open_video
from mqn.media.video import VideoOptions, VideoReport, convert_video
from mqn.media.writing import hdr10_file
from mqn.media.ycbcr import to_rgb

PICTURES = moving_scene()
FAST = {"preset": "ultrafast", "crf": 4.0, "transfer": "srgb"}

Expand = Callable[[np.ndarray], np.ndarray]


def convert(source: Path, output: Path, expand: Expand, model: dict[str, str], **options: Any) -> VideoReport:
    return convert_video(source, output, expand, model=model, options=VideoOptions(**{**FAST, **options}))


def probe(path: Path) -> list[dict[str, Any]]:
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    told = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return list(told["streams"])


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def nits(frame: av.VideoFrame) -> np.ndarray:
    """Light of an HDR10 frame in BT.2020, by the standards' formulas."""
    rows = frame.to_ndarray()
    height, width = frame.height, frame.width
    chroma = rows[height:].reshape(2, height // 2, width // 2)
    code = to_rgb((rows[:height], chroma[0], chroma[1]), matrix="bt2020", bits=10, full=False, siting="top_left")
    return np.asarray(pq_decode(code))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_streams_state_hdr10(suffix: str, tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES)
    output = tmp_path / f"o{suffix}"
    report = convert(clip, output, halves, model)
    assert report.written == [output]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([clip.name, output.name])
    with av.open(str(output)) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (9, 16, 9, 1)
        assert (context.name, context.pix_fmt, context.profile) == ("hevc", "yuv420p10le", "Main 10")
        assert container.streams.video[0].codec_tag == (
            "hvc1" if suffix != ".mkv" else container.streams.video[0].codec_tag
        )
        frame = next(container.decode(video=0))
        kinds = {data.type.name for data in frame.side_data}
        assert {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"} <= kinds


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not on PATH")
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_ffprobe_reports_the_same(suffix: str, tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    output = tmp_path / f"o{suffix}"
    report = convert(write_clip(tmp_path / "c.mp4", PICTURES), output, halves, model, peak_nits=600.0)
    (stream,) = probe(output)
    stated = {
        "codec_name": "hevc",
        "pix_fmt": "yuv420p10le",
        "color_range": "tv",
        "color_space": "bt2020nc",
        "color_transfer": "smpte2084",
        "color_primaries": "bt2020",
        "chroma_location": "topleft",
    }
    assert {name: stream[name] for name in stated} == stated
    if suffix != ".mkv":
        assert stream["codec_tag_string"] == "hvc1"
    side = {entry["side_data_type"]: entry for entry in stream["side_data_list"]}
    display = side["Mastering display metadata"]
    assert Fraction(display["max_luminance"]) == 600
    assert Fraction(display["green_y"]) == Fraction(3, 5)
    light = side["Content light level metadata"]
    assert report.light is not None
    assert light["max_content"] == -(-report.light.maximum // 1) <= 300
    assert 0 < light["max_average"] < light["max_content"]


def test_light_is_that_of_the_reconstruction(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    clip, output = write_clip(tmp_path / "c.mp4", PICTURES), tmp_path / "o.mp4"
    convert(clip, output, halves, model, crf=0.0)
    ldr = [frame.ldr() for frame in open_video(clip, transfer="srgb").frames()]
    frames = decoded(output)
    assert len(frames) == 12
    expected = change_primaries(np.asarray(500 * srgb_decode(ldr[7]), np.float32), "bt709", "bt2020")
    found = nits(frames[7])
    bright = expected > 20
    assert np.median(np.abs(found / expected - 1)[bright]) < 0.01
    assert np.abs(found / expected - 1)[bright].max() < 0.2


def test_time_stamps_and_rate_are_kept_over_several_runs(
    tmp_path: Path, halves: Expand, model: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hdr10_file, "RUN_FRAMES", 5)
    times = [3, 4, 5, 8, 9, 13, 14, 15, 23, 24, 25, 33]
    output = tmp_path / "o.mp4"
    convert(write_clip(tmp_path / "c.mp4", PICTURES, times=times), output, halves, model, preset="medium")
    assert [frame.pts * frame.time_base * RATE for frame in decoded(output)] == [time - times[0] for time in times]


def test_a_turned_video_is_written_upright(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    clip = write_clip(tmp_path / "c.mp4", [np.tile(picture, (1, 2, 1)) for picture in PICTURES], rotation=90)
    convert(clip, tmp_path / "o.mp4", halves, model)
    frame = decoded(tmp_path / "o.mp4")[0]
    assert (frame.width, frame.height, frame.rotation) == (64, 128, 0)


def test_odd_sizes_grow_by_a_repeated_row_and_say_so(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    pictures = [np.ascontiguousarray(np.tile(picture, (2, 2, 1))[:97, :65]) for picture in PICTURES[:2]]
    clip = write_clip(tmp_path / "c.mkv", pictures, codec="ffv1", pixels="bgr0")
    report = convert(clip, tmp_path / "o.mp4", halves, model)
    frame = decoded(tmp_path / "o.mp4")[0]
    assert (frame.width, frame.height) == (66, 98)
    assert any("65 x 97 becomes 66 x 98" in note for note in report.notes)


def test_sound_is_copied_packet_for_packet(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES, sound="aac")

    def packets(path: Path) -> list[tuple[bytes, Fraction]]:
        with av.open(str(path)) as container:
            found = container.demux(container.streams.audio[0])
            return [(bytes(packet), packet.pts * packet.time_base) for packet in found if packet.size]

    convert(clip, tmp_path / "o.mp4", halves, model)
    assert packets(tmp_path / "o.mp4") == packets(clip)
    convert(clip, tmp_path / "silent.mp4", halves, model, sound=False)
    with av.open(str(tmp_path / "silent.mp4")) as container:
        assert not container.streams.audio


def test_sound_that_does_not_fit_is_told_before_any_work(tmp_path: Path, model: dict[str, str]) -> None:
    clip = write_clip(tmp_path / "c.mkv", PICTURES, sound="wavpack")

    def never(ldr: np.ndarray) -> np.ndarray:
        raise AssertionError("the network must not run")

    with pytest.raises(VideoError, match=r"its sound \(wavpack\) does not fit into \.mp4 .*--no-audio"):
        convert(clip, tmp_path / "o.mp4", never, model)


@pytest.mark.slow
@pytest.mark.parametrize("output", ["o.mp4", "seq"])
def test_what_was_interrupted_goes_on_and_ends_the_same(
    output: str, tmp_path: Path, halves: Expand, model: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hdr10_file, "RUN_FRAMES", 4)
    clip = write_clip(tmp_path / "c.mp4", PICTURES)
    calls = 0

    def interrupted(ldr: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 10:
            raise KeyboardInterrupt
        return halves(ldr) * np.float32(1 + 0.1 * np.sin(ldr.sum()))

    def whole(ldr: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return halves(ldr) * np.float32(1 + 0.1 * np.sin(ldr.sum()))

    with pytest.raises(KeyboardInterrupt):
        convert(clip, tmp_path / output, interrupted, model, damp_seconds=0.2)
    calls = 0
    resumed = convert(clip, tmp_path / output, whole, model, damp_seconds=0.2)
    assert resumed.resumed == (8 if output == "o.mp4" else 9)
    assert calls == 12 - resumed.resumed
    straight = convert(clip, tmp_path / f"straight_{output}", whole, model, damp_seconds=0.2)
    assert resumed.flicker == straight.flicker
    assert resumed.light == straight.light
    for one, other in zip(resumed.written, straight.written, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_run_that_was_damaged_is_made_again(
    tmp_path: Path, halves: Expand, model: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hdr10_file, "RUN_FRAMES", 4)
    monkeypatch.setattr(hdr10_file.shutil, "rmtree", lambda *_, **__: None)
    clip = write_clip(tmp_path / "c.mp4", PICTURES)
    convert(clip, tmp_path / "o.mp4", halves, model)
    run = tmp_path / ".o.mp4.partial" / "000001.hevc"
    run.write_bytes(run.read_bytes()[:-5])
    assert convert(clip, tmp_path / "o.mp4", halves, model).resumed == 4
    assert convert(clip, tmp_path / "o.mp4", halves, model, crf=9.0).resumed == 0


def test_exr_frames_state_primaries_and_times(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES)
    report = convert(clip, tmp_path / "seq" / "f_%03d.exr", halves, model, colours="bt2020")
    assert [path.name for path in report.written][:2] == ["f_000.exr", "f_001.exr"]
    file = OpenEXR.File(str(report.written[4]))
    np.testing.assert_allclose(file.header()["chromaticities"][:2], (0.708, 0.292), atol=1e-6)
    assert file.header()["whiteLuminance"] == 1000
    ldr = [frame.ldr() for frame in open_video(clip, transfer="srgb").frames()][4]
    expected = change_primaries(halves(ldr), "bt709", "bt2020")
    np.testing.assert_allclose(file.channels()["RGB"].pixels, expected, rtol=1e-5, atol=1e-7)
    lines = [json.loads(line) for line in (tmp_path / "seq" / "f_frames.jsonl").read_text().splitlines()[1:]]
    assert lines[4]["frame"]["level"]["seconds"] == pytest.approx(4 / 24)
    assert lines[4]["file"] == "f_004.exr"


def test_flicker_of_the_network_is_measured_and_damped(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES)
    signs = iter([1, -1] * 6)

    def flickering(ldr: np.ndarray) -> np.ndarray:
        return halves(ldr) * np.float32(10 ** (0.05 * next(signs)))

    report = convert(clip, tmp_path / "seq", flickering, model, damp_seconds=1.0)
    # Each frame is 0.1 decades from the next.
    assert report.flicker.before == pytest.approx(0.1, rel=0.02)
    assert 0 < report.flicker.after < 0.01


def test_a_video_cut_short_is_converted_as_far_as_it_goes(
    tmp_path: Path, halves: Expand, model: dict[str, str]
) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES, codec="mpeg4", options={"movflags": "+faststart"})
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 7 // 10])
    report = convert(clip, tmp_path / "o.mp4", halves, model)
    assert len(decoded(tmp_path / "o.mp4")) == report.frames < 12
    assert "cut short" in report.failures[-1]


def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES)
    with pytest.raises(UsageError, match=r"cannot write video as '\.avi'"):
        convert(clip, tmp_path / "o.avi", halves, model)
    with pytest.raises(UsageError, match="write the frame's number as %06d"):
        convert(clip, tmp_path / "frame.exr", halves, model)
    with pytest.raises(UsageError, match="--peak-nits 20000"):
        VideoOptions(peak_nits=20000)
    with pytest.raises(UsageError, match=r"--preset 'quick'; allowed: ultrafast"):
        VideoOptions(preset="quick")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UsageError, match=r"folder\.mp4 is a folder"):
        convert(clip, tmp_path / "folder.mp4", halves, model)
    for side, size in ((8, "8 x 8"), (48, "48 x 48")):
        small = write_clip(tmp_path / "s.mkv", moving_scene(2, side, side), codec="ffv1", pixels="bgr0")
        with pytest.raises(VideoError, match=f"{size} is too small for HEVC; 64 pixels a side"):
            convert(small, tmp_path / "o.mp4", halves, model)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(VideoError, match="cannot be written"):
        convert(clip, tmp_path / "file" / "o.mp4", halves, model)


def test_a_video_never_replaces_itself(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES)
    before = clip.read_bytes()
    (tmp_path / "link.mp4").symlink_to(clip)
    for output in (clip, tmp_path / "link.mp4"):
        with pytest.raises(UsageError, match="is what is to be converted"):
            convert(clip, output, halves, model)
    assert clip.read_bytes() == before
