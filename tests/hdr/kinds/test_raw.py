"""Camera raw files, as DNG files of our own making."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from mqn.errors import PictureError
from mqn.hdr.io.files import HDR_SUFFIXES, read, write

BLACK, WHITE = 256, 4095
XYZ_TO_BT709 = (3.2404542, -1.5371385, -0.4985314, -0.969266, 1.8760108, 0.041556, 0.0556434, -0.2040259, 1.0572252)


def write_dng(
    path: Path, counts: np.ndarray, neutral: tuple[float, float, float] = (0.5, 1.0, 0.5), orientation: int = 1
) -> Path:
    """An uncompressed Bayer DNG (RGGB) of a camera whose own primaries are BT.709.

    Args:
        path: the file.
        counts: (H, W) uint16, what the sensor counted; `BLACK` is no light, `WHITE` is full.
        neutral: the camera's R, G, B counts of a grey patch, the fullest 1.0.
        orientation: as EXIF counts.
    """
    rational = [number for value in XYZ_TO_BT709 for number in (round(value * 10_000_000), 10_000_000)]
    grey = [number for value in neutral for number in (round(value * 10_000), 10_000)]
    tags = [
        (274, "H", 1, orientation, True),
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, bytes([0, 1, 1, 2]), True),  # CFAPattern: RGGB
        (50706, "B", 4, bytes([1, 4, 0, 0]), True),  # DNGVersion
        (50708, "s", 0, "Test camera", True),  # UniqueCameraModel
        (50714, "H", 1, BLACK, True),
        (50717, "H", 1, WHITE, True),
        (50721, "2i", 9, rational, True),  # ColorMatrix1: XYZ to the camera's primaries
        (50728, "2I", 3, grey, True),  # AsShotNeutral
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1: D65
    ]
    tifffile.imwrite(path, counts, photometric=32803, planarconfig=1, extratags=tags)
    return path


def bayer(red: int, green: int, blue: int) -> np.ndarray:
    """(32, 48) counts above black of a flat patch."""
    counts = np.full((32, 48), BLACK + green, np.uint16)
    counts[0::2, 0::2] = BLACK + red
    counts[1::2, 1::2] = BLACK + blue
    return counts


def test_grey_patch_is_balanced_and_scaled_by_black_and_white_level(tmp_path: Path) -> None:
    image = read(write_dng(tmp_path / "grey.dng", bayer(960, 1920, 960)))
    assert image.shape == (32, 48, 3)
    assert image.dtype == np.float32
    # The camera sees half as much red and blue as green in grey light: 960 / 0.5 = 1920 of 4095 - 256 counts.
    np.testing.assert_allclose(image, 1920 / (WHITE - BLACK), atol=3e-5)


def test_twice_the_light_is_twice_the_value(tmp_path: Path) -> None:
    dark, bright = (read(write_dng(tmp_path / f"{n}.dng", bayer(n // 2, n, n // 2))) for n in (600, 1200))
    np.testing.assert_allclose(bright, 2 * dark, rtol=2e-4)


def test_dark_picture_is_not_brightened(tmp_path: Path) -> None:
    image = read(write_dng(tmp_path / "dark.dng", bayer(10, 20, 10)))
    np.testing.assert_allclose(image, 20 / (WHITE - BLACK), atol=3e-5)


def test_primaries_of_the_camera_are_undone(tmp_path: Path) -> None:
    image = read(write_dng(tmp_path / "red.dng", bayer(960, 0, 0)))
    # The camera's primaries are BT.709's: red stays red.
    assert image[16, 24, 0] == pytest.approx(1920 / (WHITE - BLACK), abs=1e-3)
    assert image[16, 24, 1:].max() < 2e-3


def test_burnt_out_patch_stays_white(tmp_path: Path) -> None:
    image = read(write_dng(tmp_path / "sun.dng", bayer(3839, 3839, 3839)))
    np.testing.assert_array_equal(image, 1.0)


def test_picture_is_turned_upright(tmp_path: Path) -> None:
    counts = bayer(960, 1920, 960)
    counts[:, :24] = BLACK  # the sensor's left half saw nothing
    image = read(write_dng(tmp_path / "turned.dng", counts, orientation=6))
    assert image.shape == (48, 32, 3)
    # Orientation 6: the sensor's left side is the picture's top.
    assert image[:20].max() < 1e-3
    assert image[28:].min() > 0.4


@pytest.mark.parametrize("kept", [0, 40, 400, 700])
def test_file_cut_short_is_named(tmp_path: Path, kept: int) -> None:
    whole = write_dng(tmp_path / "whole.dng", bayer(960, 1920, 960)).read_bytes()
    assert len(whole) > 800
    (tmp_path / "cut.dng").write_bytes(whole[:kept])
    with pytest.raises(PictureError, match=r"cut\.dng: "):
        read(tmp_path / "cut.dng")


def test_other_content_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.nef").write_text("not a picture at all, though it is called one" * 20)
    with pytest.raises(PictureError, match=r"text\.nef: .*not a raw file"):
        read(tmp_path / "text.nef")
    (tmp_path / "a.dng").write_bytes(b"\xff\xd8\xff\xe0" + bytes(64))
    with pytest.raises(
        PictureError, match=r"a\.dng: holds JPEG data, not raw as its suffix says; that is not supported"
    ):
        read(tmp_path / "a.dng")


def test_raw_is_read_and_not_written(tmp_path: Path) -> None:
    assert {".dng", ".nef", ".cr2", ".arw"} <= set(HDR_SUFFIXES)
    with pytest.raises(PictureError, match=r"\.hdr, .*are written") as error:
        write(tmp_path / "out.dng", np.ones((4, 4, 3), np.float32))
    assert ".nef" not in str(error.value)
