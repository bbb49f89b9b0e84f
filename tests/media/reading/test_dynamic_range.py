"""HDR that stands in the container only is refused; what is standard range stays convertible."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import pytest
from tests.support.containers import (
    add_descriptor,
    box,
    colours,
    dolby_vision_record,
    element,
    number,
    put_boxes,
    to_matroska,
)
from tests.support.video_clips import moving_scene, write_clip

from mqn.errors import VideoError
from mqn.media.decoding import open_video

PICTURES = moving_scene(3)

REFUSED = {
    (5, 0): "Dolby Vision",
    (7, 6): "Dolby Vision",
    (8, 1): "Dolby Vision",
    (8, 4): "Dolby Vision",
    (8, 0): "Dolby Vision",
    (10, 0): "Dolby Vision",
}


def untagged(path: Path) -> Path:
    """HEVC whose stream says nothing of its colours."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=24, options={"x265-params": "log-level=none"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p10le"
        for picture in PICTURES:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def matroska_colour(primaries: int, transfer: int, matrix: int) -> bytes:
    return element("55B0", number("55B1", matrix) + number("55BA", transfer) + number("55BB", primaries))


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_a_tag_in_the_container_alone_is_refused(transfer: int, name: str, tmp_path: Path) -> None:
    clip = untagged(tmp_path / "c.mp4")
    colour = matroska_colour(9, transfer, 9)
    matroska = to_matroska(clip, tmp_path / "c.mkv", codec="V_MPEGH/ISO/HEVC", video=[colour])
    for file in (put_boxes(clip, colours(9, transfer, 9)), matroska):
        with pytest.raises(VideoError, match=rf"{file.name}: is HDR already \({name}\)"):
            open_video(file)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_a_tag_of_the_stream_is_refused(transfer: int, name: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES, transfer=transfer)
    with pytest.raises(VideoError, match=rf"is HDR already \({name}\)"):
        open_video(clip)


@pytest.mark.parametrize("transfer", [1, 14, 6])
def test_wide_colours_in_standard_range_are_read_by_the_containers_tags(transfer: int, tmp_path: Path) -> None:
    video = open_video(put_boxes(untagged(tmp_path / "c.mp4"), colours(9, transfer, 9)))
    found = video.interpretation
    assert (found.primaries, found.matrix, found.transfer) == ("bt2020", "bt2020", "bt1886")
    assert "transfer" not in found.assumed


def test_the_streams_own_tags_go_before_the_containers(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES)
    file = to_matroska(clip, tmp_path / "c.mkv", codec="V_MPEG4/ISO/AVC", video=[matroska_colour(9, 14, 9)])
    assert open_video(file).interpretation.primaries == "bt709"


@pytest.mark.parametrize(("profile", "compatibility"), REFUSED)
def test_dolby_vision_without_a_standard_base_is_refused(profile: int, compatibility: int, tmp_path: Path) -> None:
    record = dolby_vision_record(profile, compatibility)
    clip = untagged(tmp_path / "c.mp4")
    name = b"dvcC" if profile <= 7 else b"dvvC"
    mapping = element("41E4", number("41E7", int.from_bytes(name, "big")) + element("41ED", record))
    matroska = to_matroska(clip, tmp_path / "c.mkv", codec="V_MPEGH/ISO/HEVC", track=[mapping])
    for file in (put_boxes(clip, box(name, record)), matroska):
        with pytest.raises(VideoError, match=rf"{file.name}: is HDR already \(Dolby Vision\)"):
            open_video(file)


@pytest.mark.parametrize(
    ("profile", "compatibility", "tagged"), [(8, 2, False), (4, 2, False), (9, 2, True), (8, 0, True)]
)
def test_dolby_vision_over_a_standard_base_is_read_without_it(
    profile: int, compatibility: int, tagged: bool, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "c.mp4", PICTURES) if tagged else untagged(tmp_path / "c.mp4")
    video = open_video(put_boxes(clip, box(b"dvvC", dolby_vision_record(profile, compatibility))))
    assert len(list(video.frames())) == 3
    assert any("Dolby Vision data, which are left out" in note for note in video.notes)


def test_light_levels_without_a_tag_are_told(tmp_path: Path) -> None:
    levels = box(b"clli", struct.pack(">2H", 1000, 400))
    video = open_video(put_boxes(untagged(tmp_path / "c.mp4"), levels))
    assert any("states light levels as HDR video does, but no HDR transfer" in note for note in video.notes)


@pytest.mark.parametrize(("profile", "compatibility", "refused"), [(5, 0, True), (8, 1, True), (8, 2, False)])
def test_dolby_vision_in_a_transport_stream_is_read(
    profile: int, compatibility: int, refused: bool, tmp_path: Path
) -> None:
    body = dolby_vision_record(profile, compatibility)[:5]
    file = add_descriptor(untagged(tmp_path / "c.ts"), bytes([0xB0, len(body)]) + body)
    if refused:
        with pytest.raises(VideoError, match=r"c\.ts: is HDR already \(Dolby Vision\)"):
            open_video(file)
    else:
        assert any("Dolby Vision data" in note for note in open_video(file).notes)
