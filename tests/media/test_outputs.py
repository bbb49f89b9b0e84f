"""What lies where results go: frames of other conversions, other shots, a full disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.video_clips import moving_scene, write_clip

from mqn.errors import UsageError, VideoError
from mqn.media.video import VideoOptions, VideoReport, convert_video
from mqn.media.writing import joining

PICTURES = moving_scene()

Expand = Callable[[np.ndarray], np.ndarray]


def convert(source: Path, output: Path, expand: Expand, model: dict[str, str]) -> VideoReport:
    return convert_video(source, output, expand, model=model, options=VideoOptions(preset="ultrafast"))


def test_frames_of_another_video_are_never_replaced(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    for name, count in (("long", 3), ("short", 2)):
        write_clip(tmp_path / f"{name}.mp4", PICTURES[:count])
    [first, *_] = convert(tmp_path / "long.mp4", tmp_path / "seq", halves, model).written
    content = first.read_bytes()
    with pytest.raises(UsageError, match=r"frame_000000\.exr: is there already and is a frame of another video"):
        convert(tmp_path / "short.mp4", tmp_path / "seq", halves, model)
    assert first.read_bytes() == content
    assert convert(tmp_path / "long.mp4", tmp_path / "seq", halves, model).resumed == 3
    assert convert(tmp_path / "long.mp4", tmp_path / "seq", halves, {**model, "tile": "2"}).resumed == 0


@pytest.mark.parametrize("name", ["http:a.mp4", "12:30.mp4", "concat:a.mp4", "file:a.mp4"])
def test_a_file_whose_name_looks_like_an_address_is_that_file(
    name: str, tmp_path: Path, halves: Expand, model: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "a.mp4", PICTURES[:2]).rename(name)
    assert convert(Path(name), Path(f"out-{name}"), halves, model).frames == 2
    assert {file.name for file in tmp_path.iterdir()} == {name, f"out-{name}"}


def test_files_that_are_no_frames_of_ours_are_never_replaced(
    tmp_path: Path, halves: Expand, model: dict[str, str]
) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES[:3])
    (tmp_path / "seq").mkdir()
    (tmp_path / "seq" / "frame_000001.exr").write_bytes(b"the user's own")
    for _ in range(2):
        with pytest.raises(UsageError, match=r"frame_000001\.exr: is there already and is no result of this command"):
            convert(clip, tmp_path / "seq", halves, model)
    assert [file.name for file in (tmp_path / "seq").iterdir()] == ["frame_000001.exr"]
    assert len(convert(clip, tmp_path / "seq" / "other_%03d.exr", halves, model).written) == 3


def test_shots_may_share_a_folder(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES[:2])
    for shot in ("a_%02d.exr", "b_%02d.exr"):
        convert(clip, tmp_path / "seq" / shot, halves, model)
    assert convert(clip, tmp_path / "seq" / "a_%02d.exr", halves, model).resumed == 2


def test_a_full_disk_while_joining_names_the_output_and_keeps_the_runs(
    tmp_path: Path, halves: Expand, model: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, output = write_clip(tmp_path / "c.mp4", PICTURES), tmp_path / "o.mp4"

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(joining, "_video_packets", full)
        with pytest.raises(VideoError, match=r"^o\.mp4: cannot be written \(No space left"):
            convert(clip, output, halves, model)
    assert convert(clip, output, halves, model).resumed == 12
