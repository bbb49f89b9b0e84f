from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from mqn.errors import PictureError
from mqn.hdr.io.files import read_ldr, write_png


def _ramp() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (8, 12, 3)).astype(np.float32) / np.float32(255)


def _smooth_jpeg(size: tuple[int, int] = (16, 32)) -> bytes:
    import cv2

    picture = np.zeros((*size, 3), np.uint8)
    picture[:, : size[1] // 2] = (0, 0, 255)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def _with_orientation(jpeg: bytes, orientation: int) -> bytes:
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0" + b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


@pytest.mark.parametrize("bits", [8, 16])
def test_png_comes_back_exactly(tmp_path: Path, bits: int) -> None:
    write_png(tmp_path / "a.png", _ramp(), bits=bits)
    back = read_ldr(tmp_path / "a.png")
    assert back.dtype == np.float32
    assert np.array_equal(back, _ramp())


def test_sixteen_bits_are_kept(tmp_path: Path) -> None:
    fine = np.full((8, 8, 3), 257.4 / 65535, np.float32)
    write_png(tmp_path / "a.png", fine, bits=16)
    assert read_ldr(tmp_path / "a.png") == pytest.approx(np.full((8, 8, 3), 257 / 65535), abs=1e-9)


def test_png_is_clipped_and_rounded(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.array([[[-1.0, 0.5, 9.0]]]))
    assert read_ldr(tmp_path / "a.png")[0, 0] * 255 == pytest.approx([0, 128, 255])


def test_grey_becomes_three_channels_and_alpha_goes(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "grey.png"), np.full((8, 8), 51, np.uint8))
    cv2.imwrite(str(tmp_path / "alpha.png"), np.full((8, 8, 4), 51, np.uint8))
    for name in ("grey.png", "alpha.png"):
        assert read_ldr(tmp_path / name) == pytest.approx(np.full((8, 8, 3), 0.2))


def test_jpeg_is_rgb(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(_smooth_jpeg())
    image = read_ldr(tmp_path / "a.jpg")
    assert image.shape == (16, 32, 3)
    assert image[8, 4] == pytest.approx([1, 0, 0], abs=0.02)
    assert image[8, 28] == pytest.approx([0, 0, 0], abs=0.02)


def test_exif_orientation_is_obeyed(tmp_path: Path) -> None:
    # 6: the camera was turned; shown upright the picture is turned by a quarter clockwise, left becomes top.
    (tmp_path / "a.jpeg").write_bytes(_with_orientation(_smooth_jpeg(), 6))
    image = read_ldr(tmp_path / "a.jpeg")
    assert image.shape == (32, 16, 3)
    assert image[4, 8] == pytest.approx([1, 0, 0], abs=0.02)
    assert image[28, 8] == pytest.approx([0, 0, 0], abs=0.02)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_file_cut_anywhere_is_refused_quietly(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    write_png(tmp_path / "whole.png", _ramp())
    data = _smooth_jpeg() if suffix == ".jpg" else (tmp_path / "whole.png").read_bytes()
    cut = tmp_path / f"cut{suffix}"
    for length in (1, 8, len(data) // 2, len(data) - 1):
        cut.write_bytes(data[:length])
        with pytest.raises(PictureError, match=f"cut{suffix}: "):
            read_ldr(cut)
    assert capfd.readouterr() == ("", "")


def test_a_jpeg_closed_too_early_is_refused(tmp_path: Path) -> None:
    import cv2

    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    with pytest.raises(PictureError, match=r"a\.jpg: cut short"):
        read_ldr(tmp_path / "a.jpg")


def test_an_empty_and_a_foreign_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(PictureError, match="is empty"):
        read_ldr(tmp_path / "a.png")
    with pytest.raises(PictureError, match=r"\.jpg, \.jpeg, \.png, .* are read"):
        read_ldr(tmp_path / "a.gif")


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"only \.png"):
        write_png(tmp_path / "a.jpg", _ramp())
    with pytest.raises(PictureError, match="NaN"):
        write_png(tmp_path / "a.png", np.full((8, 8, 3), np.nan))
    with pytest.raises(PictureError, match="has 1 channel"):
        write_png(tmp_path / "a.png", np.zeros((8, 8)))
    with pytest.raises(ValueError, match="bits 12"):
        write_png(tmp_path / "a.png", _ramp(), bits=12)
