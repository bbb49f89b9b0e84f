"""Display matrices and the containers' crops: what is shown is what is converted."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from tests.support.containers import clean_aperture, number, put_boxes, set_matrix, to_matroska
from tests.support.video_clips import write_clip

from mqn.errors import VideoError
from mqn.media.decoding import Video, open_video
from mqn.media.reading.upright import Crop, orientation

HEIGHT, WIDTH = 64, 96
RAMP = np.rint(
    np.stack(
        [
            np.broadcast_to(np.linspace(20, 230, WIDTH), (HEIGHT, WIDTH)),
            np.broadcast_to(np.linspace(20, 230, HEIGHT)[:, None], (HEIGHT, WIDTH)),
            np.full((HEIGHT, WIDTH), 90.0),
        ],
        axis=-1,
    )
).astype(np.uint8)


def clip(path: Path) -> Path:
    return write_clip(path, [RAMP] * 3, pixels="yuv444p")


def shown(path: Path) -> tuple[Video, np.ndarray]:
    video = open_video(path, transfer="srgb")
    picture = next(video.frames()).ldr()
    assert picture.shape == (video.height, video.width, 3)
    return video, picture


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), RAMP),
        ((-1, 0, 0, 1), RAMP[:, ::-1]),
        ((1, 0, 0, -1), RAMP[::-1]),
        ((-1, 0, 0, -1), RAMP[::-1, ::-1]),
        ((0, 1, -1, 0), np.rot90(RAMP, -1)),
        ((0, -1, 1, 0), np.rot90(RAMP, 1)),
        ((0, 1, 1, 0), RAMP.transpose(1, 0, 2)),
        ((0, -1, -1, 0), RAMP[::-1, ::-1].transpose(1, 0, 2)),
        ((2, 0, 0, 2), RAMP),
        ((0, 0, 0, 0), RAMP),
    ],
)
def test_every_turn_and_mirror_is_shown(
    matrix: tuple[int, int, int, int], expected: np.ndarray, tmp_path: Path
) -> None:
    a, b, c, d = matrix
    video, picture = shown(set_matrix(clip(tmp_path / "c.mp4"), *matrix))
    assert np.abs(picture - expected / 255).max() < 0.03
    assert any("mirrored" in note for note in video.notes) == (a * d - b * c < 0)


@pytest.mark.parametrize(
    "matrix", [(0.7071, 0.7071, -0.7071, 0.7071), (1, 0.5, 0, 1), (1, 0, 0, 0), (0.5, 0.5, 0.5, 0.5)]
)
def test_other_matrices_are_refused(matrix: tuple[float, float, float, float], tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"c\.mp4: the video is to be shown turned by \d+ degrees, or skewed"):
        open_video(set_matrix(clip(tmp_path / "c.mp4"), *matrix))


def test_a_perspective_is_refused() -> None:
    with pytest.raises(VideoError, match="only quarter turns and mirrors"):
        orientation(np.array([65536, 0, 1 << 20, 0, 65536, 0, 0, 0, 1 << 30], np.float64))


def test_rounding_of_a_matrix_is_no_skew() -> None:
    assert orientation(np.array([0, 65535, 0, -65536, 3, 0, 0, 0, 1 << 30], np.float64)).transposed


@pytest.mark.parametrize(
    ("aperture", "part"),
    [
        (clean_aperture(64, 48), RAMP[8:56, 16:80]),
        (clean_aperture(64, 48, (4, 1), (-3, 1)), RAMP[5:53, 20:84]),
        (clean_aperture(65, 47, (1, 2), (1, 2)), RAMP[9:56, 16:81]),
        (clean_aperture(WIDTH, HEIGHT), RAMP),
    ],
)
def test_a_clean_aperture_is_cut_out(aperture: bytes, part: np.ndarray, tmp_path: Path) -> None:
    video, picture = shown(put_boxes(clip(tmp_path / "c.mp4"), aperture))
    assert picture.shape == part.shape
    assert np.abs(picture - part / 255).max() < 0.03
    assert any("the container crops the picture" in note for note in video.notes) == (part.shape != RAMP.shape)


def test_the_crop_is_of_the_stored_picture_and_the_turn_of_what_is_left(tmp_path: Path) -> None:
    file = put_boxes(clip(tmp_path / "c.mp4"), clean_aperture(64, 48, (8, 1), (0, 1)))
    _, picture = shown(set_matrix(file, 0, 1, -1, 0))
    assert np.abs(picture - np.rot90(RAMP[8:56, 24:88], -1) / 255).max() < 0.03


def test_matroska_crops_each_side(tmp_path: Path) -> None:
    crops = [number(name, value) for name, value in (("54CC", 4), ("54DD", 12), ("54BB", 2), ("54AA", 6))]
    file = to_matroska(clip(tmp_path / "c.mp4"), tmp_path / "c.mkv", codec="V_MPEG4/ISO/AVC", video=crops)
    video, picture = shown(file)
    assert np.abs(picture - RAMP[2:58, 4:84] / 255).max() < 0.03
    assert (
        "the container crops the picture (left 4, right 12, top 2, bottom 6 pixels), and so is the result"
        in video.notes
    )


def test_a_crop_within_the_stream_is_not_cut_twice(tmp_path: Path) -> None:
    # H.264 stores 16 x 16 blocks and crops by itself.
    odd = write_clip(tmp_path / "c.mp4", [RAMP[:50, :70]] * 3, pixels="yuv444p")
    _, picture = shown(odd)
    assert np.abs(picture - RAMP[:50, :70] / 255).max() < 0.03


def test_a_crop_that_leaves_nothing_is_an_error() -> None:
    with pytest.raises(VideoError, match="leaves nothing of 96 x 64 pixels"):
        Crop(left=48, right=48).size(WIDTH, HEIGHT)


def test_a_title_is_no_statement(tmp_path: Path) -> None:
    said = "Frame Cropping: 8/8/8/8\n Frame Cropping: 8/8/8/8\nStream #0:0: x\n Frame Cropping: 8/8/8/8"
    with av.open(str(clip(tmp_path / "c.mp4"))) as given, av.open(str(tmp_path / "t.mkv"), "w") as container:
        stream = container.add_stream_from_template(given.streams.video[0])
        container.metadata["title"] = stream.metadata["title"] = said
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux_one(packet)
    video = open_video(tmp_path / "t.mkv")
    assert (video.width, video.height) == (WIDTH, HEIGHT)
