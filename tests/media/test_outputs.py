"""What lies where results go: frames of other conversions, other shots, a full disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.video_clips import moving_scene, write_clip

from mqn.errors import UsageError, VideoError
from mqn.media import joining
from mqn.media.video import VideoOptions, VideoReport, convert_video

PICTURES = moving_scene()

Expand = Callable[[np.ndarray], np.ndarray]


def convert(source: Path, output: Path, expand: Expand, model: dict[str, str]) -> VideoReport:
    return convert_video(source, output, expand, model=model, options=VideoOptions(preset="ultrafast"))


def test_frames_of_a_longer_sequence_are_named(tmp_path: Path, halves: Expand, model: dict[str, str]) -> None:
    for name, count in (("long", 3), ("short", 2)):
        write_clip(tmp_path / f"{name}.mp4", PICTURES[:count])
    assert not any("earlier" in note for note in convert(tmp_path / "long.mp4", tmp_path / "seq", halves, model).notes)
    notes = convert(tmp_path / "short.mp4", tmp_path / "seq", halves, model).notes
    assert "frame_000002.exr and what follows is of an earlier, longer conversion" in notes[-1]


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
