"""Files that were cut off, by what their containers promise."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.support.containers import element
from tests.support.video_clips import moving_scene, write_clip

from mqn.media.decoding import open_video
from mqn.media.reading.whole import missing_bytes


@pytest.mark.parametrize(
    ("suffix", "options"), [(".mp4", {"movflags": "+faststart"}), (".mkv", {}), (".avi", {}), (".mov", {})]
)
def test_what_is_cut_off_is_counted(suffix: str, options: dict[str, str], tmp_path: Path) -> None:
    codec = {"codec": "mjpeg", "pixels": "yuvj420p"} if suffix != ".mp4" else {}
    clip = write_clip(tmp_path / f"c{suffix}", moving_scene(3), options=options, **codec)
    assert missing_bytes(clip) == 0
    data = clip.read_bytes()
    clip.write_bytes(data[:-20])
    assert missing_bytes(clip) == 20
    clip.write_bytes(data + b"what others put behind it")
    assert missing_bytes(clip) == 0


def test_a_video_without_its_last_bytes_says_so(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.mkv", moving_scene(12), codec="mjpeg", pixels="yuvj420p")
    clip.write_bytes(clip.read_bytes()[:-2])
    video = open_video(clip)
    assert len(list(video.frames())) == 12
    assert video.failures == [f"{clip}: cut off, 2 bytes of what the container promises are not there"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x47" * 188,
        b"\x1a\x45\xdf\xa3",
        element("1A45DFA3", b"") + bytes.fromhex("18538067 01FFFFFFFFFFFFFF"),
        struct.pack(">I4s", 0, b"mdat"),
        struct.pack(">I4sQ", 1, b"mdat", 16),
        struct.pack(">I4s", 3, b"mdat"),
    ],
)
def test_what_promises_nothing_misses_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    assert missing_bytes(tmp_path / "a") == 0


def test_boxes_of_64_bits_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(struct.pack(">I4sQ", 1, b"mdat", 1 << 40))
    assert missing_bytes(tmp_path / "a.mp4") == (1 << 40) - 16


@pytest.mark.parametrize(("before", "size"), [(0, 188), (4, 192)])
def test_a_transport_stream_ends_with_a_whole_packet(before: int, size: int, tmp_path: Path) -> None:
    packet = bytes(before) + b"\x47" + bytes(187)
    (tmp_path / "a.ts").write_bytes(packet * 9)
    assert missing_bytes(tmp_path / "a.ts") == 0
    (tmp_path / "a.ts").write_bytes((packet * 9)[:-30])
    assert missing_bytes(tmp_path / "a.ts") == 30
    assert len(packet) == size
