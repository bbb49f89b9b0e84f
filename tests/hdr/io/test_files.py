from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.errors import PictureError
from mqn.hdr.io import files
from mqn.hdr.kinds.raw import RAW_SUFFIXES

SUFFIXES = (".hdr", ".exr", ".pfm", ".tif", ".tiff")
EXACT = (".exr", ".pfm", ".tif", ".tiff")


@pytest.fixture
def picture() -> np.ndarray:
    # Rows unlike each other and channels unlike each other: a flip or a swap shows.
    rng = np.random.default_rng(0)
    return (rng.random((8, 12, 3)) * [1.0, 100.0, 10000.0]).astype(np.float32)


def test_every_format_is_known() -> None:
    assert set(files.HDR_SUFFIXES) == {*SUFFIXES, *RAW_SUFFIXES}


@pytest.mark.parametrize("suffix", EXACT)
def test_floats_come_back_exactly(tmp_path: Path, picture: np.ndarray, suffix: str) -> None:
    files.write(tmp_path / f"a{suffix}", picture)
    back = files.read(tmp_path / f"a{suffix}")
    assert back.dtype == np.float32
    assert np.array_equal(back, picture)


def test_radiance_comes_back_to_its_eight_bits(tmp_path: Path, picture: np.ndarray) -> None:
    files.write(tmp_path / "a.hdr", picture)
    error = np.abs(files.read(tmp_path / "a.hdr") - picture)
    assert (error <= picture.max(-1, keepdims=True) / 128).all()


def test_suffixes_may_be_capitals(tmp_path: Path, picture: np.ndarray) -> None:
    files.write(tmp_path / "A.PFM", picture)
    assert np.array_equal(files.read(str(tmp_path / "A.PFM")), picture)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_cut_anywhere_is_refused_in_one_line(
    tmp_path: Path, picture: np.ndarray, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / f"whole{suffix}"
    files.write(whole, picture)
    data = whole.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    for length in (1, 7, 30, len(data) // 4, len(data) // 2, len(data) - 2):
        cut.write_bytes(data[:length])
        with pytest.raises(PictureError, match=f"cut{suffix}: ") as raised:
            files.read(cut)
        assert "\n" not in str(raised.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_garbage_is_refused(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / f"a{suffix}").write_bytes(b"no picture at all, but a little text " * 9)
    with pytest.raises(PictureError, match=f"a{suffix}: "):
        files.read(tmp_path / f"a{suffix}")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_file_is_refused(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").touch()
    with pytest.raises(PictureError, match=r"is empty \(0 bytes\)"):
        files.read(tmp_path / f"a{suffix}")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no such file"):
        files.read(tmp_path / "a.exr")
    (tmp_path / "b.exr").mkdir()
    with pytest.raises(PictureError, match="is a folder"):
        files.read(tmp_path / "b.exr")


def test_another_suffix_names_the_ones_that_are_read(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"a\.jp2: .*\.hdr, \.exr, \.pfm, \.tif, \.tiff"):
        files.read(tmp_path / "a.jp2")


def test_one_channel_is_refused(tmp_path: Path) -> None:
    import cv2
    import OpenEXR
    import tifffile

    grey = np.ones((8, 8), np.float32)
    cv2.imwrite(str(tmp_path / "a.pfm"), grey)
    OpenEXR.File({}, {"Y": grey}).write(str(tmp_path / "a.exr"))
    tifffile.imwrite(tmp_path / "a.tif", grey)
    for name in ("a.pfm", "a.exr", "a.tif"):
        with pytest.raises(PictureError, match=f"{name}: has 1 channel; R, G and B are needed"):
            files.read(tmp_path / name)


def test_exr_without_rgb_names_its_channels(tmp_path: Path) -> None:
    import OpenEXR

    plane = np.ones((8, 8), np.float32)
    OpenEXR.File({}, {"Z": plane, "Y": plane}).write(str(tmp_path / "a.exr"))
    with pytest.raises(PictureError, match="has the channels Y, Z; R, G and B of a layer, or Y, RY and BY, are needed"):
        files.read(tmp_path / "a.exr")


def test_alpha_is_dropped(tmp_path: Path, picture: np.ndarray) -> None:
    import OpenEXR
    import tifffile

    four = np.dstack([picture, np.full((8, 12), 0.5, np.float32)])
    OpenEXR.File({}, {"RGBA": four}).write(str(tmp_path / "a.exr"))
    tifffile.imwrite(tmp_path / "a.tif", four, photometric="rgb", extrasamples=["unassalpha"])
    for name in ("a.exr", "a.tif"):
        loaded = files.load(tmp_path / name)
        assert loaded.had_alpha
        assert np.array_equal(loaded.image, picture)


def test_half_floats_become_single(tmp_path: Path) -> None:
    import OpenEXR

    OpenEXR.File({}, {"RGB": np.full((8, 8, 3), 0.25, np.float16)}).write(str(tmp_path / "a.exr"))
    image = files.read(tmp_path / "a.exr")
    assert image.dtype == np.float32
    assert (image == 0.25).all()


def test_exr_channels_may_differ_in_type_and_stand_beside_others(tmp_path: Path, picture: np.ndarray) -> None:
    import OpenEXR

    red, green, blue = (np.ascontiguousarray(picture[..., c]) for c in range(3))
    channels = {"R": red, "G": green.astype(np.float16), "B": blue, "Z": red}
    OpenEXR.File({}, channels).write(str(tmp_path / "a.exr"))
    image = files.read(tmp_path / "a.exr")
    assert np.array_equal(image[..., [0, 2]], picture[..., [0, 2]])
    assert np.array_equal(image[..., 1], green.astype(np.float16))


def test_planar_tiff_is_turned(tmp_path: Path, picture: np.ndarray) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(picture, -1, 0), photometric="rgb", planarconfig="separate")
    assert np.array_equal(files.read(tmp_path / "a.tif"), picture)


def test_integer_tiff_is_refused(tmp_path: Path) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 8, 3), np.uint16), photometric="rgb")
    with pytest.raises(PictureError, match="holds uint16 values; an HDR picture holds floats"):
        files.read(tmp_path / "a.tif")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("suffix", EXACT)
def test_values_that_are_not_finite_are_counted_and_refused(tmp_path: Path, suffix: str, value: float) -> None:
    _write_unchecked(tmp_path / f"a{suffix}", np.full((8, 8, 3), value, np.float32))
    with pytest.raises(PictureError, match="192 of 192 values are NaN, infinite"):
        files.read(tmp_path / f"a{suffix}")


def test_doubles_beyond_single_precision_are_refused(tmp_path: Path) -> None:
    import tifffile

    image = np.ones((8, 8, 3))
    image[0, 0, 0] = 1e300
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb")
    with pytest.raises(PictureError, match="1 of 192 values"):
        files.read(tmp_path / "a.tif")


def test_negative_values_become_black_and_are_counted(tmp_path: Path, picture: np.ndarray) -> None:
    below = picture.copy()
    below[0, :2, 0] = -1.0
    _write_unchecked(tmp_path / "a.pfm", below)
    loaded = files.load(tmp_path / "a.pfm")
    assert loaded.negative_values == 2
    assert not loaded.had_alpha
    assert np.array_equal(loaded.image, np.maximum(below, 0))


def test_a_picture_without_pixels_is_neither_read_nor_written(tmp_path: Path) -> None:
    (tmp_path / "a.pfm").write_bytes(b"PF\n0 8\n-1.0\n")
    with pytest.raises(PictureError, match=r"a\.pfm: "):
        files.read(tmp_path / "a.pfm")
    with pytest.raises(PictureError, match="no pixels"):
        files.write(tmp_path / "b.exr", np.zeros((0, 8, 3), np.float32))


def test_xyz_radiance_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.hdr").write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_xyze\n\n-Y 1 +X 1\n\x80\x80\x80\x80")
    with pytest.raises(PictureError, match="holds XYZ"):
        files.read(tmp_path / "a.hdr")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_broken_pictures_are_not_written(tmp_path: Path, suffix: str) -> None:
    for value in (np.nan, np.inf, -1.0):
        with pytest.raises(PictureError, match="negative, NaN or infinite"):
            files.write(tmp_path / f"a{suffix}", np.full((8, 8, 3), value, np.float32))
    assert not list(tmp_path.glob("a*"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_that_is_absent_is_named(tmp_path: Path, picture: np.ndarray, suffix: str) -> None:
    with pytest.raises(PictureError, match=f"absent/a{suffix}: cannot be written"):
        files.write(tmp_path / "absent" / f"a{suffix}", picture)


def _write_unchecked(path: Path, image: np.ndarray) -> None:
    import cv2
    import OpenEXR
    import tifffile

    if path.suffix == ".exr":
        OpenEXR.File({}, {"RGB": image}).write(str(path))
    elif path.suffix == ".pfm":
        assert cv2.imwrite(str(path), np.ascontiguousarray(image[..., ::-1]))
    else:
        tifffile.imwrite(path, image, photometric="rgb")
